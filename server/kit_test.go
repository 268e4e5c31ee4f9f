package server_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
)

// What there is to list: more than one listing holds.
const (
	alertsSent int64 = 2500
	runsOfBusy int   = 1001
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const pause = `firebreak: v1
name: pause
title: Wait a little
owner: sre
steps:
  - id: rest
    wait: 30s
`

// notFound is the error of a runtime that does not know a run.
type notFound struct{ error }

func (notFound) Class() string { return "not_found" }
func (notFound) Hint() string  { return "look again" }

// runs decides in memory what people say, as a runtime does.
type runs struct {
	mu      sync.Mutex
	run     engine.Run
	records []engine.Record
	changed chan struct{} // closed and replaced with every record
	said    []engine.Input
	fail    error
	stops   []engine.Stop
}

func newRuns(t *testing.T) *runs {
	t.Helper()
	book, problems := runbook.Parse("pause.yaml", []byte(pause), runbook.Catalog{}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	r := &runs{run: engine.New(book), changed: make(chan struct{})}
	f := engine.Facts{
		ID: "r1", Runbook: "pause", Requester: engine.Requester{Kind: "alert", Name: "a"},
		Roles: map[string]engine.Role{"sre": {People: []string{"alice"}}},
	}
	if err := r.decide(engine.Start{Facts: f}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *runs) decide(in engine.Input) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	recs, err := engine.Decide(r.run, in, time.Now().UTC())
	for _, rec := range recs {
		r.run = engine.Apply(r.run, rec)
	}
	r.records = append(r.records, recs...)
	close(r.changed)
	r.changed = make(chan struct{})
	return err
}

func (r *runs) Give(_ context.Context, id string, in engine.Input) error {
	if id != "r1" {
		return notFound{errors.New("there is no run " + id)}
	}
	r.mu.Lock()
	r.said = append(r.said, in)
	fail := r.fail
	r.mu.Unlock()
	if fail != nil {
		return fail
	}
	return r.decide(in)
}

func (r *runs) Run(_ context.Context, id string) (engine.Run, error) {
	if id != "r1" {
		return engine.Run{}, notFound{errors.New("there is no run " + id)}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.run, nil
}

func (r *runs) Watch(ctx context.Context, id string, from int) (<-chan engine.Record, error) {
	if _, err := r.Run(ctx, id); err != nil {
		return nil, err
	}
	out := make(chan engine.Record)
	go func() {
		defer close(out)
		for next := from - 1; ; {
			r.mu.Lock()
			recs, changed, ended := r.records[next:], r.changed, r.run.Ended()
			r.mu.Unlock()
			for _, rec := range recs {
				select {
				case out <- rec:
					next++
				case <-ctx.Done():
					return
				}
			}
			if ended {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

func (r *runs) Order(_ context.Context, by string, req server.StopRequest, on bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	stop := engine.Stop{Kind: req.Kind, Service: req.Service, By: by, Reason: req.Reason}
	r.stops = slices.DeleteFunc(r.stops, stop.Is)
	if on {
		r.stops = append(r.stops, stop)
	}
	return nil
}

func (r *runs) Standing() []engine.Stop {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.stops)
}

// last is what was said last.
func (r *runs) last() engine.Input {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.said) == 0 {
		return nil
	}
	return r.said[len(r.said)-1]
}

// shelf keeps tokens and changes in memory.
type shelf struct {
	mu      sync.Mutex
	tokens  map[string]server.Token
	changes []server.Change
}

func newShelf() *shelf { return &shelf{tokens: map[string]server.Token{}} }

func (s *shelf) Add(_ context.Context, t server.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[t.ID] = t
	return nil
}

func (s *shelf) Find(_ context.Context, id string) (server.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tokens[id]
	if !ok {
		return t, notFound{errors.New("there is no token " + id)}
	}
	return t, nil
}

func (s *shelf) All(context.Context) ([]server.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.tokens)), nil
}

func (s *shelf) Revoke(ctx context.Context, id, _ string) error {
	t, err := s.Find(ctx, id)
	if err != nil {
		return err
	}
	t.RevokedAt = time.Now()
	return s.Add(ctx, t)
}

func (s *shelf) Report(_ context.Context, c server.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = append(s.changes, c)
	return nil
}

func (s *shelf) Reported(_ context.Context, q server.ChangeQuery) ([]server.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.changes), func(c server.Change) bool {
		return q.Service != "" && c.Service != q.Service || c.At.Before(q.Since)
	}), nil
}

// config is how a server of these tests is made.
func config(t *testing.T, r *runs) server.Config {
	t.Helper()
	return server.Config{
		Socket: filepath.Join(t.TempDir(), "state.sock"),
		Runs:   r,
		Stops:  r,

		Tokens: newShelf(), Changes: newShelf(),
		Runbooks: func(context.Context) ([]server.RunbookView, error) {
			return []server.RunbookView{{Name: "pause", Inputs: []server.RunbookInput{}}}, nil
		},
		Runbook: func(_ context.Context, name string) (server.RunbookView, error) {
			if name != "pause" {
				return server.RunbookView{}, notFound{errors.New("there is no runbook " + name)}
			}
			return server.RunbookView{Name: name, Inputs: []server.RunbookInput{{Name: "n", Type: "an integer"}}, Source: pause}, nil
		},
		Services: func() []server.ServiceView {
			return []server.ServiceView{{Name: "api", Environment: "prod", Owner: "platform", Capabilities: []server.Served{{Capability: "settings", Plugin: "git"}}}}
		},
		Alerts: func(_ context.Context, limit int, after int64) (all []server.AlertView, _ error) {
			for n := cmp.Or(after, alertsSent+1) - 1; n > 0 && len(all) < limit; n-- {
				all = append(all, server.AlertView{N: n, Source: "am", Labels: map[string]string{}, Annotations: map[string]string{}})
			}
			return all, nil
		},
		Audit: func(_ context.Context, limit int, _ int64) (server.AuditView, error) {
			return server.AuditView{Head: "h", Acts: []server.Act{{N: int64(limit)}}}, nil
		},
		Ready: func() error { return nil },
		List: func(_ context.Context, q server.Query) ([]engine.Head, error) {
			if q.Service == "busy" {
				n, _ := strconv.Atoi(q.After)
				var all []engine.Head
				for range min(q.Limit, runsOfBusy-n) {
					n++
					all = append(all, engine.Head{ID: strconv.Itoa(n)})
				}
				return all, nil
			}
			if q.Service == "none" {
				return nil, nil
			}
			return []engine.Head{{ID: "r1", Settled: !q.Unsettled, Seq: q.Limit}}, nil
		},
		Live: func(ctx context.Context, run string, to func(server.Progress)) {
			to(server.Progress{Run: run, Kind: "log", Text: "resting"})
			<-ctx.Done()
		},
		Start: func(_ context.Context, by server.Caller, req server.StartRequest) (string, error) {
			if req.Runbook == "broken" {
				return "", &engine.StartError{Reason: "input service is missing"}
			}
			return req.Runbook + "-by-" + by.Person, nil
		},
		Undo: func(_ context.Context, _ server.Caller, ended engine.Run, reason string) (string, error) {
			return "undo-of-" + ended.Facts.ID + "-" + reason, nil
		},
		Retry: func(_ context.Context, by server.Caller, ended engine.Run, from string) (string, error) {
			return "retry-of-" + ended.Facts.ID + "-" + from + "-by-" + by.Person, nil
		},
		Reload: func(_ context.Context, by server.Caller) (server.Reloaded, error) {
			return server.Reloaded{Runbooks: 2, Changed: []server.BookChange{{Runbook: "fix", What: "changed", Digest: by.Person}}}, nil
		},
		Prune: func(_ context.Context, by server.Caller, req server.PruneRequest) (server.Pruned, error) {
			return server.Pruned{Runs: req.Before.Year(), Kept: []string{by.Person, req.Reason}}, nil
		},
		Plugins: func(context.Context) (json.RawMessage, error) { return json.RawMessage(`[{"name":"git"}]`), nil },
		Snapshot: func(_ context.Context, service string, since time.Duration) (json.RawMessage, error) {
			return json.Marshal(map[string]any{"service": service, "since": since.String()})
		},
		Person:  func(string) string { return "alice" },
		Version: "v1",
	}
}

// serve starts a server for the test and returns a client of it.
func serve(t *testing.T, cfg server.Config) (*server.Server, *client.Client) {
	t.Helper()
	s := server.New(cfg)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	c := client.New(s.Addr())
	t.Cleanup(func() {
		c.Close()
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s, c
}
