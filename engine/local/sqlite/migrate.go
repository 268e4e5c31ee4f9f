package sqlite

import (
	"context"
	"fmt"
)

// migrate makes the layout of an empty file.
func (s *Store) migrate(ctx context.Context) error {
	have, _, err := layout(ctx, s.write, s.path)
	if err != nil || have == version {
		return err
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
	first := firstHead()
	if _, err := tx.ExecContext(ctx, "INSERT INTO meta VALUES (1, 0, 0, 0, ?, '')", first[:]); err != nil {
		return err
	}
	return tx.Commit()
}
