package main

import (
	"context"
	"crypto/rand"
	"errors"
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

// connect returns a session with the owner of the state. Where there is none
// this process becomes it: to drive runs, or only to record what is said.
func (a *app) connect(ctx context.Context, drive bool) (*session, error) {
	state, err := a.statePath()
	if err != nil {
		return nil, err
	}
	if s, err := a.join(state); s != nil || err != nil {
		return s, err
	}
	ws, err := a.loadWorkspace()
	if err != nil {
		return nil, err
	}
	o, err := a.own(ctx, ws, state, drive)
	var owned *sqlite.OwnedError
	if errors.As(err, &owned) && owned.Owner.Socket != "" {
		return &session{Client: client.New(owned.Owner.Socket)}, nil // it was quicker
	}
	if err != nil {
		return nil, err
	}
	return &session{Client: o.client(), own: o}, nil
}

// join returns a session with the process that owns the state now, or nil.
func (a *app) join(state string) (*session, error) {
	o, owned, err := sqlite.FindOwner(state)
	if err != nil || !owned {
		return nil, err
	}
	if o.Socket == "" {
		return nil, &sqlite.OwnedError{Path: state, Owner: o}
	}
	return &session{Client: client.New(o.Socket)}, nil
}

// Close ends the session, and the owner if this process is it.
func (s *session) Close() error {
	s.Client.Close()
	if s.own == nil {
		return nil
	}
	return s.own.Close()
}

// newRunID names a run so that a person can say it: the time, and four
// letters that tell runs of one minute apart.
func newRunID(now time.Time) string {
	return now.UTC().Format("0102-1504-") + strings.ToLower(rand.Text()[:5])
}
