package sqlite

import (
	"context"
	"fmt"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// migrate brings an older or empty file to this version.
func (s *Store) migrate(ctx context.Context) error {
	var id, have int
	if err := s.write.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := s.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	var tables int
	if err := s.write.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	switch {
	case tables > 0 && id != applicationID:
		return local.NewError(local.ClassUnreadable, s.path+" is a database of another program",
			"choose another file with --state", nil)
	case have > version:
		return local.NewError(local.ClassUnreadable,
			fmt.Sprintf("the state file %s has layout %d; this firebreak knows layouts up to %d", s.path, have, version),
			"use the newer version of firebreak that wrote it", nil)
	case have == version:
		return nil
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	for _, q := range []string{
		schema,
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("PRAGMA user_version = %d", version),
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return tx.Commit()
}
