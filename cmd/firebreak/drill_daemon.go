package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/runbooks/drills"
	"github.com/firebreak-ops/firebreak/runbooks/drills/sandbox"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
)

// daemonStart bounds how long the daemon of a drill may take to listen.
const daemonStart = 60 * time.Second

// daemonProcess is a firebreak serve beside this process.
type daemonProcess struct {
	*sandbox.Program

	address string // http://HOST:PORT
}

// serve implements [drills.Options.Serve]: the daemon is a process of its own,
// with nothing in its environment, and this one is a client as people are.
func (d *drill) serve(ctx context.Context, config []byte) (_ drills.Daemon, err error) {
	if err := d.makeFolder(); err != nil {
		return nil, err
	}
	file := filepath.Join(d.dir, "firebreak.yaml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(d.dir))
	}
	state := filepath.Join(d.dir, "state.db")
	if d.daemon, err = d.startDaemon(ctx, "serve", "--json", "--listen", "127.0.0.1:0", "--config", file, "--state", state); err != nil {
		return nil, errors.Join(err, os.RemoveAll(d.dir))
	}
	if d.s, err = d.app.join(state); err == nil && d.s == nil {
		err = errors.New("the daemon has ended")
	}
	if err != nil {
		return nil, errors.Join(err, d.daemon.Stop(closeTimeout), os.RemoveAll(d.dir))
	}
	return d, nil
}

// startDaemon returns when the daemon listens.
func (d *drill) startDaemon(ctx context.Context, args ...string) (*daemonProcess, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this executable, to start the daemon: %w", err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Dir, cmd.Env = d.dir, []string{"HOME=" + d.dir}
	lines, output := io.Pipe()
	words := &lastWords{}
	cmd.Stdout, cmd.Stderr = output, words
	program, err := sandbox.StartProgram("the daemon", cmd)
	if err != nil {
		return nil, err
	}
	p := &daemonProcess{Program: program}
	listens := make(chan error, 1)
	go func() {
		in := bufio.NewReader(lines)
		var first struct {
			Type    string `json:"type"`
			Address string `json:"address"`
		}
		err := json.NewDecoder(in).Decode(&first)
		if p.address = first.Address; err == nil && first.Type != "serving" {
			err = fmt.Errorf("it said %q first", first.Type)
		}
		listens <- err
		_, _ = io.Copy(io.Discard, in) // what it tells is asked for where it counts
	}()
	go func() {
		<-program.Done()
		output.Close() // never fails
	}()
	ctx, cancel := context.WithTimeout(ctx, daemonStart)
	defer cancel()
	select {
	case err = <-listens:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the daemon does not listen: %w\n%s", err, words), program.Stop(closeTimeout))
	}
	return p, nil
}

// lastWords keeps what a process says on standard error, as far as it matters
// where it fails at once.
type lastWords struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.text.Len() < 16<<10 {
		w.text.Write(p)
	}
	return len(p), nil
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// Webhook implements [drills.Daemon].
func (d *drill) Webhook() string { return d.daemon.address + "/v1/alerts/" + sandbox.AlertSource }

// Began implements [drills.Daemon].
func (d *drill) Began(ctx context.Context, alert string) (run string, at time.Time, err error) {
	err = d.untilAlerts(ctx, func(all []server.AlertView) bool {
		for _, a := range all {
			if a.Name == alert && a.Run != "" {
				run, at = a.Run, a.ReceivedAt
			}
		}
		return run != ""
	})
	return run, at, err
}

// Resolved implements [drills.Daemon].
func (d *drill) Resolved(ctx context.Context, alert string) (at time.Time, err error) {
	err = d.untilAlerts(ctx, func(all []server.AlertView) bool {
		at = time.Time{}
		for _, a := range all {
			switch {
			case a.Name != alert:
			case a.ResolvedAt.IsZero():
				return false
			case a.LastAt.After(at):
				at = a.LastAt
			}
		}
		return !at.IsZero()
	})
	return at, err
}

// untilAlerts asks the daemon for its alerts until they are as wanted.
func (d *drill) untilAlerts(ctx context.Context, ok func([]server.AlertView) bool) error {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		all, err := d.s.Alerts(ctx, 0)
		if _, gone := errors.AsType[*client.UnreachableError](err); gone && ctx.Err() == nil {
			return fmt.Errorf("the daemon does not answer: %w", err)
		}
		if err != nil {
			return err
		}
		if ok(all) {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; it has taken in: %s", ctx.Err(), orNone(summaries(all)))
		}
	}
}

func summaries(all []server.AlertView) []string {
	said := make([]string, len(all))
	for i := range all {
		said[i] = all[i].Name + " (" + all[i].Outcome + ")"
	}
	return said
}
