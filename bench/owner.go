package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	core "github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
)

// patience is how long anything may take.
const patience = 10 * time.Minute

// owner is a firebreak process that owns a state and drives its runs.
type owner struct {
	*client.Client
	cmd   *exec.Cmd
	said  bytes.Buffer  // complete once done is closed
	done  chan struct{} // it has ended
	ready time.Duration // from its start to its first answer
}

func (p *product) state(name string) string { return filepath.Join(p.dir, name+".db") }

// open makes an owner of a state that has no runs: it holds one that waits
// for an answer that nobody gives.
func (p *product) open(ctx context.Context, state, config string) (*owner, error) {
	file := filepath.Join(p.dir, "hold.yaml")
	if err := os.WriteFile(file, []byte(hold), 0o600); err != nil {
		return nil, err
	}
	return p.start(ctx, state, config, "run", file)
}

// reopen makes an owner of a state with runs, one of which is named.
func (p *product) reopen(ctx context.Context, state, run string) (*owner, error) {
	return p.start(ctx, state, p.config, "resume", run)
}

func (p *product) start(ctx context.Context, state, config string, args ...string) (*owner, error) {
	o := &owner{Client: client.New(server.SocketPath(state)), done: make(chan struct{})}
	o.cmd = exec.Command(p.binary, append(args, "--json", "--state", state, "--config", config)...)
	o.cmd.Stderr = &o.said
	began := time.Now()
	if err := o.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = o.cmd.Wait() // how it ended is seen where it matters
		close(o.done)
	}()
	err := o.until(ctx, time.Millisecond, func(ctx context.Context) bool {
		h, err := o.Health(ctx)
		return err == nil && h.PID == o.cmd.Process.Pid
	})
	o.ready = time.Since(began)
	return o, err
}

// until asks again and again whether something is so.
func (o *owner) until(ctx context.Context, pause time.Duration, so func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for !so(ctx) {
		select {
		case <-tick.C:
		case <-o.done:
			return fmt.Errorf("%v has ended: %s", o.cmd.Args, o.said.String())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// park ends an owner as SIGTERM does: its runs wait for the next.
func (o *owner) park() error { return o.end(syscall.SIGTERM) }

// kill ends an owner as a crash does.
func (o *owner) kill() error { return o.end(syscall.SIGKILL) }

func (o *owner) end(how os.Signal) error {
	o.Close()
	if err := o.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-o.done
	return nil
}

// run starts a run and waits for its end.
func (o *owner) run(ctx context.Context, source string) error {
	id, err := o.begin(ctx, source)
	if err != nil {
		return err
	}
	return o.ended(ctx, id)
}

func (o *owner) begin(ctx context.Context, source string) (string, error) {
	return o.Start(ctx, server.StartRequest{Runbook: "bench", File: "bench.yaml", Source: source})
}

// ended waits until a run has ended. Records are not sent: they are of no
// interest here.
func (o *owner) ended(ctx context.Context, id string) error {
	const beyond = 1 << 30
	return o.Watch(ctx, id, beyond, func(server.Line) error { return nil })
}

// well fails unless every run that has ended has ended well.
func (o *owner) well(ctx context.Context) error {
	runs, err := o.Runs(ctx, server.Query{})
	if err != nil {
		return err
	}
	for _, run := range runs {
		if run.Phase == core.PhaseEnded && run.Word != core.Succeeded && run.Word != core.NoAction {
			return fmt.Errorf("run %s ended as %s: %w", run.ID, run.Word, o.why(ctx, run.ID))
		}
	}
	return nil
}

// asked waits until a run asks its first question, and returns it with what
// the run has recorded so far.
func (o *owner) asked(ctx context.Context, id string) (server.View, error) {
	stop := errors.New("asked")
	err := o.Watch(ctx, id, 1, func(l server.Line) error {
		if l.Kind == "question_opened" {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		return server.View{}, fmt.Errorf("run %s asks nothing: %w", id, errors.Join(err, o.why(ctx, id)))
	}
	return o.Run(ctx, id)
}

// why says how a run stands, as an error.
func (o *owner) why(ctx context.Context, id string) error {
	v, err := o.Run(ctx, id)
	if err != nil {
		return err
	}
	text, err := json.Marshal(v.Steps)
	return errors.Join(err, fmt.Errorf("it is %s %s: %s", v.Phase, v.Word, text))
}
