package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
)

// mover is who halts a state that is somewhere else than before.
const mover = "firebreak"

// place says where the file is: the machine, the folder and the file itself. A
// copy has another one, wherever it is; so has a file that was moved. Machines
// that were cloned whole have the same.
func (s *Store) place() (string, error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return "", err
	}
	machine, _ := os.ReadFile("/etc/machine-id") // a container has none
	return fmt.Sprintf("%s %d %s", strings.TrimSpace(string(machine)), number(info), s.path), nil
}

// settleDown notes where the file is. Where it is not where it was, the one
// that it was copied from may still be driven, and what was changed since is
// not known here: everything is halted until a person lifts it.
func (s *Store) settleDown(ctx context.Context, tx *sql.Tx) error {
	now, err := s.place()
	if err != nil {
		return err
	}
	var was string
	if err := tx.QueryRowContext(ctx, `SELECT place FROM meta`).Scan(&was); err != nil || was == now {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE meta SET place = ?`, now); err != nil || was == "" {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO orders (kind, service, stands, said_by, reason, at) VALUES (?, '', 1, ?, ?, ?)
		ON CONFLICT (kind, service) DO UPDATE SET stands = 1, said_by = excluded.said_by, reason = excluded.reason, at = excluded.at WHERE stands = 0`,
		string(engine.StopHalt), mover, "the state file was moved or copied: see that no other firebreak drives the runs of the one that it came from", nanos(s.now()))
	return err
}
