package pgbouncer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// deaf is bound, by the plugin that the product has, to a console that takes
// what it is sent and never answers.
func deaf(t *testing.T) *bound {
	t.Helper()
	l, err := parseDSN("api", "read", "postgres://monitor@127.0.0.1/pgbouncer?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	l.Config.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, far) }() // ends when near is closed
		return near, nil
	}
	b := newBound(plugins.Mutate, l, New().(plugin))
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// TestUsualLimits holds how long the product waits for a console that never
// answers, by a clock that no machine slows down.
func TestUsualLimits(t *testing.T) {
	resize := json.RawMessage(`{"limit":"pool_size","size":5}`)
	undo := json.RawMessage(`{"limit":"pool_size","before":4,"after":5}`)
	asks := map[string]func(context.Context, *bound) error{
		"run": func(ctx context.Context, b *bound) error {
			return b.Run(ctx, plugins.Call{ID: "1", Action: actionStatus}, nil).Failure
		},
		"plan": func(ctx context.Context, b *bound) error {
			_, err := b.Plan(ctx, plugins.Call{ID: "1", Action: actionResize, Input: resize})
			return err
		},
		"probe": func(ctx context.Context, b *bound) error {
			return errors.New(b.Probe(ctx, plugins.Call{ID: "1", Action: actionResize, Input: resize}, undo).Reason)
		},
		"health": func(ctx context.Context, b *bound) error { return b.Health(ctx) },
	}
	for name, ask := range asks {
		for of, want := range map[string]time.Duration{"one connection": 900 * time.Millisecond, "a console that others use": 2 * time.Second} {
			t.Run(name+", "+of, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := deaf(t)
					if of != "one connection" {
						<-b.console.turn
						defer func() { b.console.turn <- struct{}{} }()
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
					defer cancel()
					began := time.Now()
					err := ask(ctx, b)
					if took := time.Since(began); took != want {
						t.Errorf("it took %s, want %s: %v", took, want, err)
					}
				})
			})
		}
	}
}

// TestUsualArm holds how long an attendant may take, and that it is no longer
// than that.
func TestUsualArm(t *testing.T) {
	if within := New().(plugin).within.arm; within != 3*time.Second {
		t.Errorf("an attendant has %s", within)
	}
	if b := deaf(t); b.within != usualLimits() {
		t.Errorf("limits %+v", b.within)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := startAttendant(ctx, time.Millisecond, []string{"mute"}, duty{Database: "appdb"})
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		t.Errorf("an attendant that is never ready: %v", err)
	}
}
