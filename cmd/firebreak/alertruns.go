package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/server/alerts"
	"github.com/firebreak-ops/firebreak/server/intake"
)

// alertShelf is the state as the place where alerts are kept.
type alertShelf struct{ store *sqlite.Store }

// Keep implements [intake.Shelf].
func (s alertShelf) Keep(ctx context.Context, d intake.Delivery, all []intake.Entry) (bool, error) {
	return s.store.KeepAlerts(ctx, sqlite.Delivery(d), stored(all))
}

// Waiting implements [intake.Shelf].
func (s alertShelf) Waiting(ctx context.Context, now time.Time) ([]intake.Entry, time.Time, error) {
	all, next, err := s.store.WaitingAlerts(ctx, now)
	out := make([]intake.Entry, 0, len(all))
	for _, a := range all {
		out = append(out, intake.Entry(a))
	}
	return out, next, err
}

// Settle implements [intake.Shelf].
func (s alertShelf) Settle(ctx context.Context, all []intake.Entry) error {
	return s.store.SettleAlerts(ctx, stored(all))
}

// Last implements [intake.Shelf].
func (s alertShelf) Last(ctx context.Context, cause string) (intake.Last, error) {
	c, err := s.store.LastOfCause(ctx, cause)
	return intake.Last(c), err
}

func stored(all []intake.Entry) []sqlite.Alert {
	out := make([]sqlite.Alert, 0, len(all))
	for _, e := range all {
		out = append(out, sqlite.Alert(e))
	}
	return out
}

// alertRuns is the owner as the one who runs what alerts start.
type alertRuns struct{ own *owner }

// triggerOf is an alert as what asks for a run.
func triggerOf(e *intake.Entry) trigger {
	return trigger{e.ReceivedAt, fmt.Sprintf("%d %s", e.N, e.Data), func(run engine.Run) bool { return isOf(run.Facts, e) }}
}

// Begun implements [intake.Runs].
func (r alertRuns) Begun(ctx context.Context, e *intake.Entry) (string, error) {
	return r.own.once(ctx, triggerOf(e), func(string) (string, error) { return "", nil })
}

// isOf reports whether a run began for an alert.
func isOf(f engine.Facts, e *intake.Entry) bool {
	var ran, came alerts.Alert
	if json.Unmarshal(f.Alert, &ran) != nil || json.Unmarshal(e.Data, &came) != nil {
		return bytes.Equal(f.Alert, e.Data)
	}
	return f.Requester.Kind == "alert" && ran.Key() == came.Key()
}

// lastingError is one that a person must do something about.
type lastingError struct{ error }

// Unwrap implements the unwrapping of errors.
func (e lastingError) Unwrap() error { return e.error }

// Lasting says so to [intake.Runs].
func (lastingError) Lasting() bool { return true }

// Start implements [intake.Runs].
func (r alertRuns) Start(ctx context.Context, e *intake.Entry, m alerts.Match) (string, error) {
	run, err := r.start(ctx, e, m)
	switch code, _, _ := explain(err); code {
	case exitUsage, exitProblems, exitRefused, exitNotFound:
		return run, lastingError{err}
	default:
		return run, err
	}
}

func (r alertRuns) start(ctx context.Context, e *intake.Entry, m alerts.Match) (string, error) {
	a, err := e.Alert()
	if err != nil {
		return "", err
	}
	f, err := r.own.ws.facts(ctx, r.own.host, request{
		runbook: m.Book, origins: r.own.originsOf(m.Book), inputs: m.Inputs, alert: e.Data, requester: engine.Requester{Kind: "alert", Name: a.Name()},
	})
	if err != nil {
		return "", err
	}
	return r.own.once(ctx, triggerOf(e), func(id string) (string, error) {
		f.ID = id
		r.own.app.observer.metrics.Received(id, e.ReceivedAt)
		return r.own.rt.Start(ctx, f, m.Book.Pinned, r.own.ws.configBytes)
	})
}

// Ended implements [intake.Runs].
func (r alertRuns) Ended(ctx context.Context, id string) (time.Time, error) {
	run, err := r.own.rt.Run(ctx, id)
	if notFound(err) {
		return time.Unix(0, 0).UTC(), nil // it was pruned
	}
	return run.EndedAt, err
}

// Resolved implements [intake.Runs].
func (r alertRuns) Resolved(ctx context.Context, id string) error {
	err := r.own.rt.Give(ctx, id, engine.AlertResolved{})
	if errors.Is(err, engine.ErrStale) || notFound(err) {
		return nil // it has ended
	}
	return err
}
