package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/server/alerts"
	"github.com/firebreak-ops/firebreak/server/intake"
)

// alertShelf is the state as the place where alerts are kept.
type alertShelf struct{ store *sqlite.Store }

// Keep implements [intake.Shelf].
func (s alertShelf) Keep(ctx context.Context, all []intake.Entry) error {
	return s.store.KeepAlerts(ctx, stored(all))
}

// Waiting implements [intake.Shelf].
func (s alertShelf) Waiting(ctx context.Context) ([]intake.Entry, error) {
	all, err := s.store.WaitingAlerts(ctx)
	out := make([]intake.Entry, 0, len(all))
	for _, a := range all {
		out = append(out, intake.Entry(a))
	}
	return out, err
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

// names is how many names a run of an alert may have: of each minute there are
// 33 million.
const names = 16

// alertRunID is the n-th name that the run of an alert may have. It follows
// from the alert alone, so that an owner that died between starting the run and
// noting that has started it under the name that the next one looks for.
func alertRunID(e *intake.Entry, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", e.N, n, e.Data))
	return e.ReceivedAt.UTC().Format("0102-1504-") + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:5])
}

// Begun implements [intake.Runs].
func (r alertRuns) Begun(ctx context.Context, e *intake.Entry) (string, error) {
	for n := range names {
		id := alertRunID(e, n)
		run, err := r.own.rt.Run(ctx, id)
		switch {
		case notFound(err):
			return "", nil
		case err != nil:
			return "", err
		case isOf(run.Facts, e):
			return id, nil
		}
	}
	return "", nil
}

// isOf reports whether a run began for an alert.
func isOf(f engine.Facts, e *intake.Entry) bool {
	var ran, came alerts.Alert
	if json.Unmarshal(f.Alert, &ran) != nil || json.Unmarshal(e.Data, &came) != nil {
		return bytes.Equal(f.Alert, e.Data)
	}
	return f.Requester.Kind == "alert" && ran.Key() == came.Key()
}

func notFound(err error) bool {
	var classed interface{ Class() string }
	return errors.As(err, &classed) && classed.Class() == "not_found"
}

// Start implements [intake.Runs].
func (r alertRuns) Start(ctx context.Context, e *intake.Entry, m alerts.Match) (string, error) {
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
	for n := range names {
		f.ID = alertRunID(e, n)
		r.own.app.observer.metrics.Received(f.ID, e.ReceivedAt)
		id, err := r.own.admit(ctx, f, m.Book.Pinned, r.own.ws.configBytes)
		if !errors.Is(err, local.ErrExists) {
			return id, err
		}
		run, err := r.own.rt.Run(ctx, f.ID)
		if err == nil && isOf(run.Facts, e) {
			return f.ID, nil
		}
	}
	return "", fmt.Errorf("every name that the run may have is taken")
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
