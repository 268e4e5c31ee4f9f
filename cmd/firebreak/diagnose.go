package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/plugins/builtin/diagnose"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// watchEvery is how often --watch looks.
const watchEvery = 2 * time.Second

func newDiagnose(a *app) *cobra.Command {
	d := &diagnosing{app: a}
	c := withExits(&cobra.Command{
		Use:   "diagnose SERVICE",
		Short: "Say what exhausts a service's database connections, and what helps",
		Long: `diagnose reads the pools, the database, the pooler and the recent changes of a
service side by side, as far as firebreak.yaml names them, and ranks the causes
of what it sees: what is used up and what is not, the cause with its evidence,
what looks alike and why it is not that, and what to do, safest first.

It needs no runbook, changes nothing, and may be used at any time. Each source
has two seconds, the answer comes after three at the latest, and says what is
missing; when nothing of pools, database or pooler could be read, that is an
error. Where ` + "`firebreak serve`" + ` runs, it is asked: it has connections open, which
a full server does not refuse, and remembers how things were before.`,
		Example: `  firebreak diagnose api
  firebreak diagnose api --watch
  firebreak diagnose api --save then.json
  firebreak diagnose --from then.json --json`,
		Args: args(0, 1, "a service, or --from"),
		RunE: func(c *cobra.Command, got []string) error {
			if err := oneOf(c, "from", "watch"); err != nil {
				return err
			}
			if err := oneOf(c, "from", "save"); err != nil {
				return err
			}
			if (len(got) == 1) == (d.from != "") {
				return &usageError{err: fmt.Errorf("give either a service or --from"), hint: "usage: " + c.UseLine()}
			}
			if d.from != "" {
				return d.replay()
			}
			return d.run(c.Context(), got[0])
		},
	}, exitTrouble, exitProblems, exitNotFound)
	c.Flags().BoolVar(&d.watch, "watch", false, "go on looking, every two seconds, until Ctrl-C")
	c.Flags().StringVar(&d.save, "save", "", "keep what was read in `FILE`")
	c.Flags().StringVar(&d.from, "from", "", "answer from what --save kept in `FILE`, and read nothing else")
	c.Flags().DurationVar(&d.since, "since", 2*time.Hour, "how far back changes count")
	return c
}

// diagnosing is one use of the command.
type diagnosing struct {
	app        *app
	watch      bool
	save, from string
	since      time.Duration
}

// diagnosis is the answer, and what it came from.
type diagnosis struct {
	Type        string    `json:"type"`
	Service     string    `json:"service"`
	Environment string    `json:"environment"`
	At          time.Time `json:"at"`
	ElapsedMS   int64     `json:"elapsed_ms"`
	Sources     []source  `json:"sources"`
	capability.DiagnoseOutput
	SnapshotRef string `json:"snapshot_ref"`
}

// diagnosed is the answer to a snapshot, and the same for ever.
func diagnosed(s snapshot) (diagnosis, error) {
	raw, err := json.Marshal(s.Input)
	if err != nil {
		return diagnosis{}, fmt.Errorf("write the snapshot: %w", err)
	}
	sum := sha256.Sum256(raw)
	return diagnosis{
		Type: "diagnosis", Service: s.Service, Environment: s.Environment, At: s.At, ElapsedMS: s.ElapsedMS, Sources: s.Sources,
		DiagnoseOutput: diagnose.Connections(s.Input), SnapshotRef: "sha256:" + hex.EncodeToString(sum[:]),
	}, nil
}

// trouble says that the diagnosis found something to explain.
func (d diagnosis) trouble() bool {
	return d.Top.Cause != capability.UnknownCause || d.Saturated != nil || d.Layer != nil || len(d.Findings) > 0
}

// blind says that nothing was read that says something of connections.
func (d diagnosis) blind() bool {
	return d.Saturated == nil && len(d.NotSaturated) == 0
}

func (d *diagnosing) replay() error {
	raw, err := readFile(d.from)
	if err != nil {
		return fail(exitUsage, "name a file that --save has written", "the snapshot cannot be read: %w", err)
	}
	var s snapshot
	if err := json.Unmarshal(raw, &s); err != nil || s.Type != "snapshot" {
		return fail(exitUsage, "name a file that --save has written", "%s is no snapshot", d.from)
	}
	return d.answer(s)
}

// run looks once, or with --watch until ctx or the person ends it.
func (d *diagnosing) run(ctx context.Context, name string) error {
	w, err := d.app.loadWorkspace(ctx)
	if err != nil {
		return err
	}
	if _, ok := w.config.Services[name]; !ok {
		return fail(exitNotFound, "configured are: "+orNone(slices.Sorted(maps.Keys(w.config.Services))), "there is no service %s in %s", name, w.config.File)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	state, _ := d.app.statePath() // without one nothing was reported
	l := &looker{w: w, service: name, since: d.since, state: state, driver: d.app.driver(ctx)}
	defer l.close()
	for {
		s, err := l.look(ctx)
		if d.watch && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.keep(s); err != nil {
			return err
		}
		if d.watch && d.app.tty && !d.app.flags.json {
			d.app.printf("\x1b[H\x1b[2J")
		}
		if err := d.answer(s); !d.watch {
			return err
		}
		if !sleepUntil(ctx, time.Now().Add(watchEvery)) {
			return nil
		}
	}
}

// looker looks at a service: through the process that drives the runs, which
// is warm, or else with plugins of its own.
type looker struct {
	w       *workspace
	service string
	since   time.Duration
	state   string     // where changes were reported to; empty: nowhere
	driver  *session   // nil: there is none
	host    *host.Host // nil until it is needed
}

func (l *looker) look(ctx context.Context) (snapshot, error) {
	if l.driver != nil {
		within, cancel := context.WithTimeout(ctx, lookWithin+100*time.Millisecond)
		raw, err := l.driver.Snapshot(within, l.service, l.since)
		cancel()
		var s snapshot
		if err == nil {
			err = json.Unmarshal(raw, &s)
		}
		if err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			return s, err
		}
		// It has another configuration, is of another version, or has gone.
		l.driver.Client.Close()
		l.driver = nil
	}
	if l.host == nil {
		h, err := l.w.newHost(slog.New(slog.DiscardHandler))
		if err != nil {
			return snapshot{}, err
		}
		l.host = h
	}
	s := look(ctx, l.host, l.w.config.Services[l.service], l.since)
	if l.state != "" {
		if r, err := sqlite.Read(ctx, l.state); err == nil {
			s.Input.Reported = reportedTo(ctx, r, l.service, s.At.Add(-l.since))
			_ = r.Close() // it was only read
		}
	}
	return s, nil
}

func (l *looker) close() {
	if l.driver != nil {
		l.driver.Client.Close()
	}
	if l.host != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = l.host.Stop(ctx) // nothing was changed, and the answer is out
	}
}

// driver returns a session with the process that drives the runs, or nil where
// there is none.
func (a *app) driver(ctx context.Context) *session {
	state, err := a.statePath()
	if err != nil {
		return nil
	}
	s, err := a.join(state)
	if s == nil || err != nil {
		return nil
	}
	if h, err := s.Health(ctx); err != nil || !h.Drives {
		s.Client.Close()
		return nil
	}
	return s
}

// keep writes the snapshot where --save says.
func (d *diagnosing) keep(s snapshot) error {
	if d.save == "" {
		return nil
	}
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	if err := os.WriteFile(d.save, append(raw, '\n'), 0o600); err != nil {
		return fail(exitError, "name a file that can be written", "keep the snapshot: %w", err)
	}
	return nil
}

func (d *diagnosing) answer(s snapshot) error {
	answer, err := diagnosed(s)
	if err != nil {
		return err
	}
	if d.app.flags.json {
		err = d.app.printJSON(answer)
	} else {
		d.app.showDiagnosis(answer)
	}
	if err != nil {
		return err
	}
	switch {
	case answer.blind():
		return ended{exitError}
	case answer.trouble():
		return ended{exitTrouble}
	default:
		return nil
	}
}
