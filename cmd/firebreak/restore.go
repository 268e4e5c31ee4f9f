package main

import (
	"context"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/service"
)

func newRestore(a *app) *cobra.Command {
	var force bool
	c := withExits(&cobra.Command{
		Use:   "restore FILE",
		Short: "Make a backup the state, with everything halted",
		Long: `restore puts a copy of FILE in the place of the state. It is refused while a process
owns the state, where there is a state, unless --force moves that aside, and when FILE
is not as it was written.

What happened since the backup is not in it. So everything is halted, as by halt, until
a person lifts that, knowing what happened since: nothing is changed before. What was in flight when the backup was
made is in doubt, as after a crash. What people had said and no owner had acted on is
dropped.`,
		Example: `  firebreak restore /mnt/backup/firebreak-2026-11-27.db
  firebreak resume                          # it looks, asks about what is in doubt, and waits`,
		Args: args(1, 1, "a file"),
		RunE: func(c *cobra.Command, got []string) error { return a.restore(c.Context(), got[0], force) },
	}, exitRefused, exitState)
	c.Flags().BoolVar(&force, "force", false, "move a state that is there aside")
	return c
}

func (a *app) restore(ctx context.Context, file string, force bool) error {
	state, err := a.statePath()
	if err != nil {
		return err
	}
	if err := a.makeStateDir(state); err != nil {
		return err
	}
	by, err := a.me()
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	done, err := sqlite.Restore(ctx, sqlite.Restoring{
		From: file, To: state, Force: force,
		Halt: local.Order{Kind: engine.StopHalt, On: true, By: by, Reason: "restored from " + file, At: now},
	})
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(map[string]any{
			"type": "restored", "file": file, "head": done.Audit.Head, "transactions": done.Audit.Links,
			"runs": done.Audit.Runs, "records": done.Audit.Records, "aside": done.Aside, "dropped": done.Said,
		})
	}
	a.printf("%d runs with %d records are in %s again\nhead %s\n", done.Audit.Runs, done.Audit.Records, state, done.Audit.Head)
	if done.Aside != "" {
		a.printf("what was there is %s now\n", done.Aside)
	}
	if done.Said > 0 {
		a.printf("%d things that people had said and no owner had acted on are dropped: say them again\n", done.Said)
	}
	a.printf("everything is halted: look what happened since the backup, then firebreak halt --lift\n")
	return nil
}

// me is who runs this process, as the configuration calls them.
func (a *app) me() (string, error) {
	u, err := user.Current()
	if err != nil {
		return "", fail(exitError, "", "it cannot be told who you are: %w", err)
	}
	path, src, err := a.readConfig()
	if err != nil {
		return "", err
	}
	if config, problems := service.Parse(path, src); len(problems) == 0 {
		if name, ok := config.PersonByOSUser(u.Username); ok {
			return name, nil
		}
	}
	return "os:" + u.Username, nil
}
