package main

import (
	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
)

func newBackup(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the state into a new file, while runs go on",
		Long: `backup writes the state as it is at one moment into FILE, which must not exist. It
works beside an owner that drives runs, or without one. The copy is verified as audit
verify does, and is on the disk, before it has its name: a state that is damaged or
was changed is not copied.`,
		Example: `  firebreak backup /mnt/backup/firebreak-2026-11-27.db`,
		Args:    args(1, 1, "a file"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.withReader(c.Context(), func(r *sqlite.Reader) error {
				found, err := r.Backup(c.Context(), got[0])
				if err != nil {
					return err
				}
				if a.flags.json {
					return a.printJSON(map[string]any{
						"type": "backed_up", "file": got[0], "head": found.Head, "transactions": found.Links,
						"runs": found.Runs, "records": found.Records,
					})
				}
				a.printf("%d runs with %d records are in %s\nhead %s\n", found.Runs, found.Records, got[0], found.Head)
				return nil
			})
		},
	}, exitRefused, exitState)
}
