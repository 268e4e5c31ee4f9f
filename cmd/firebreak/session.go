package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/server/client"
)

// session is a verb's connection to the owner of the state: another process,
// or this one.
type session struct {
	*client.Client
	own *owner // nil: another process is the owner
}

// handover bounds how long a verb waits for an owner that is starting, ending,
// or only records what somebody else says.
const handover = 15 * time.Second

// connect returns a session with the owner of the state. Where there is none
// this process becomes it: to drive runs, or only to record what is said. load
// is for that case.
func (a *app) connect(ctx context.Context, drive bool, load loader) (*session, error) {
	if a.remoteURL() != "" {
		return a.connectRemote(ctx, drive)
	}
	state, err := a.statePath()
	if err != nil {
		return nil, err
	}
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for end := time.Now().Add(handover); ; {
		s, err := a.tryConnect(ctx, state, drive, load)
		if err == nil || !errors.Is(err, errBusy) {
			return s, err
		}
		if time.Now().After(end) {
			return nil, unheard(state, err)
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// connectRemote returns a session with a daemon on another machine.
func (a *app) connectRemote(ctx context.Context, drive bool) (*session, error) {
	c, err := a.remote()
	if err != nil {
		return nil, err
	}
	s := &session{Client: c}
	h, err := s.Health(ctx)
	if err == nil && drive && !h.Drives {
		err = errNoDriver
	}
	if err != nil {
		s.Client.Close()
		return nil, err
	}
	return s, nil
}

// errBusy says that the owner of the state will be another one soon.
var errBusy = errors.New("the state file is in use for a moment")

// unheard says why nobody could be told: the owner's socket is gone, or err.
// The owner goes on without one, and only its end makes room for another.
func unheard(state string, err error) error {
	o, owned, _ := sqlite.FindOwner(state)
	if !owned || o.Socket == "" {
		return err
	}
	if _, lost := os.Stat(o.Socket); !errors.Is(lost, fs.ErrNotExist) {
		return err
	}
	return fail(exitState, fmt.Sprintf("end it with `kill %d`: what is in flight ends first; then begin again, and a halt can be said then", o.PID),
		"process %d owns the state, and its socket %s is gone: nothing can be said to it", o.PID, o.Socket)
}

// loader gives the configuration to a process that becomes the owner.
type loader func(context.Context) (*workspace, error)

// loaded is the loader of what is there already.
func loaded(ws *workspace) loader {
	return func(context.Context) (*workspace, error) { return ws, nil }
}

func (a *app) tryConnect(ctx context.Context, state string, drive bool, load loader) (*session, error) {
	s, err := a.join(state)
	if s != nil && err == nil {
		return s, s.usable(ctx, drive)
	}
	if err != nil {
		return nil, err
	}
	ws, err := load(ctx)
	if err != nil {
		return nil, err
	}
	o, err := a.own(ctx, ws, state, drive)
	if _, owned := errors.AsType[*sqlite.OwnedError](err); owned {
		return nil, busy(err) // it was quicker
	}
	if err != nil {
		return nil, err
	}
	return &session{Client: o.client(), own: o}, nil
}

// usable is nil when the other process does what is wanted of an owner.
func (s *session) usable(ctx context.Context, drive bool) error {
	h, err := s.Health(ctx)
	if e, gone := errors.AsType[*client.UnreachableError](err); gone && !e.Hangs() {
		return busy(err)
	}
	if err == nil && drive && !h.Drives {
		return busy(errNoDriver)
	}
	return err
}

// busy marks an error that another try may not meet.
func busy(err error) error { return fmt.Errorf("%w: %w", errBusy, err) }

// others returns a session with the process that is asked where this one does
// not become the owner: the daemon on another machine, the owner of the state
// here, or nil.
func (a *app) others() (*session, error) {
	if a.remoteURL() != "" {
		c, err := a.remote()
		return &session{Client: c}, err
	}
	state, err := a.statePath()
	if err != nil {
		return nil, err
	}
	return a.join(state)
}

// join returns a session with the process that owns the state now, or nil.
func (a *app) join(state string) (*session, error) {
	o, owned, err := sqlite.FindOwner(state)
	if err != nil || !owned {
		return nil, err
	}
	if o.Socket == "" {
		return nil, busy(&sqlite.OwnedError{Path: state, Owner: o})
	}
	return &session{Client: client.New(o.Socket).Of(o.PID)}, nil
}

// Close ends the session, and the owner if this process is it.
func (s *session) Close() error {
	s.Client.Close()
	if s.own == nil {
		return nil
	}
	return s.own.Close()
}

// newRunID names a run so that a person can say it: the time, and five
// letters that tell runs of one minute apart.
func newRunID(now time.Time) string {
	return now.UTC().Format("0102-1504-") + strings.ToLower(rand.Text()[:5])
}
