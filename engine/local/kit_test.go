package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// hands is an executor whose actions do what the test says; an action that
// the test says nothing about succeeds.
type hands struct {
	t       testing.TB
	journal Journal

	mu      sync.Mutex
	actions map[string]func(ctx context.Context, cmd engine.Command) engine.Outcome // by name
	started []string                                                                // ids, in their order
	begun   map[string]chan struct{}                                                // closed when the action is first called, by name
}

func newHands(t testing.TB) *hands {
	return &hands{t: t, actions: map[string]func(context.Context, engine.Command) engine.Outcome{}, begun: map[string]chan struct{}{}}
}

func (h *hands) on(action string, do func(ctx context.Context, cmd engine.Command) engine.Outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.actions[action] = do
}

// called is closed when an action is first called.
func (h *hands) called(action string) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.beganLocked(action)
}

func (h *hands) beganLocked(action string) chan struct{} {
	if h.begun[action] == nil {
		h.begun[action] = make(chan struct{})
	}
	return h.begun[action]
}

func (h *hands) ids() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.started)
}

func (h *hands) Do(ctx context.Context, run RunInfo, cmd engine.Command) engine.Input {
	h.mustBeStored(ctx, run.ID, cmd)
	name, out := action(cmd)
	h.mu.Lock()
	if slices.Contains(h.started, cmd.CommandID()) {
		h.t.Errorf("%s is started twice", cmd.CommandID())
	}
	h.started = append(h.started, cmd.CommandID())
	do := h.actions[name]
	c := h.beganLocked(name)
	select {
	case <-c:
	default:
		close(c)
	}
	h.mu.Unlock()
	run.Report(Progress{Kind: "log", Text: name + " begins"})
	if do != nil {
		out = do(ctx, cmd)
	}
	switch c := cmd.(type) {
	case engine.PlanCall:
		return engine.Planned{ID: c.ID, Plan: engine.Plan{
			Binding: json.RawMessage(`{"to":50}`), Fingerprint: "f", Undo: json.RawMessage(`{"before":20}`), Served: "fake@1",
		}}
	case engine.Probe:
		return engine.Probed{ID: c.ID, Outcome: out}
	case engine.Notify:
		return engine.Notified{ID: c.ID}
	case engine.StopCall:
		return nil
	default:
		return engine.Returned{ID: cmd.CommandID(), Outcome: out}
	}
}

// mustBeStored checks that what a command follows from is durable before the
// command begins.
func (h *hands) mustBeStored(ctx context.Context, run string, cmd engine.Command) {
	recs, err := h.journal.Load(ctx, run, 0)
	if err != nil {
		h.t.Error(err)
		return
	}
	r := engine.New(book(h.t, source(recs)))
	for _, rec := range recs {
		r = engine.Apply(r, rec)
		if slices.ContainsFunc(engine.Pending(r), func(c engine.Command) bool { return c.CommandID() == cmd.CommandID() }) {
			return
		}
	}
	h.t.Errorf("%s begins, and nothing that is stored says so", cmd.CommandID())
}

// action is the name under which a test answers a command, and how it ends
// when the test says nothing.
func action(cmd engine.Command) (string, engine.Outcome) {
	switch c := cmd.(type) {
	case engine.PlanCall:
		return "plan " + c.Action, engine.Outcome{}
	case engine.Read:
		if c.Action == "metrics.health" {
			return c.Action, engine.Outcome{Effect: engine.EffectNone, Outputs: json.RawMessage(`{"error_rate":0}`)}
		}
		return c.Action, engine.Outcome{Effect: engine.EffectNone, Outputs: json.RawMessage(`{"max":20}`)}
	case engine.Act:
		return c.Action, engine.Outcome{
			Effect: engine.EffectApplied, Outputs: json.RawMessage(`{"live":true}`), Receipt: json.RawMessage(`{"before":20}`), Left: "g",
		}
	case engine.Undo:
		return "undo " + c.Action, engine.Outcome{Effect: engine.EffectApplied, Outputs: json.RawMessage(`{"live":true}`)}
	case engine.Probe:
		return "probe " + c.Action, engine.Outcome{Effect: engine.EffectApplied, Outputs: json.RawMessage(`{"live":true}`), Left: "g"}
	case engine.StopCall:
		return "stop", engine.Outcome{}
	case engine.Notify:
		return "notify", engine.Outcome{}
	default:
		return fmt.Sprintf("%T", cmd), engine.Outcome{}
	}
}

// The runbooks of these tests. Their first line is their name.
const (
	fix = `firebreak: v1
name: fix
title: Put it right
owner: sre
inputs:
  service: {type: service, required: true}
service: ${{ inputs.service }}
steps:
  - id: look
    uses: metrics.pool
  - id: apply
    uses: settings.apply
    approve:
      of:
        - role: sre
          for: 8m
    with:
      setting: db.pool.max
      value: 50
    undo:
      uses: settings.apply
    verify:
      uses: metrics.health
      until: result.error_rate < 0.01
      every: 100ms
      within: 1m
`
	tidy = fix + `finally:
  - uses: metrics.pool
`
	pause = `firebreak: v1
name: pause
title: Wait
owner: sre
steps:
  - wait: 30s
`
)

// onLocked is fix with another way of finding its lock taken.
func onLocked(mode string) string {
	return strings.Replace(fix, "title:", "on_locked: "+mode+"\ntitle:", 1)
}

// source finds the runbook that a run was started with.
func source(recs []engine.Record) string {
	f, err := facts(recs[0])
	if err == nil {
		for _, src := range []string{fix, tidy, pause, onLocked("join"), onLocked("skip")} {
			if Digest([]byte(src)) == f.Pins.Runbook {
				return src
			}
		}
	}
	return ""
}

func catalog(t testing.TB) runbook.Catalog {
	t.Helper()
	c, err := actions()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// actions is what the runbooks of these tests may name.
func actions() (runbook.Catalog, error) {
	c := runbook.Catalog{}
	for _, a := range []struct{ name, effect, input, output string }{
		{"metrics.pool", "read", `{"type":"object","additionalProperties":false}`,
			`{"type":"object","properties":{"max":{"type":"integer"}},"required":["max"]}`},
		{"metrics.health", "read", `{"type":"object","additionalProperties":false}`,
			`{"type":"object","properties":{"error_rate":{"type":"number"}},"required":["error_rate"]}`},
		{"settings.apply", "mutate", `{"type":"object","properties":{"setting":{"type":"string"},"value":{"type":"integer"}},"required":["setting","value"],"additionalProperties":false}`,
			`{"type":"object","properties":{"live":{"type":"boolean"}},"required":["live"]}`},
	} {
		act, err := runbook.NewAction(a.name, a.effect, []byte(a.input), []byte(a.output))
		if err != nil {
			return nil, err
		}
		if a.effect == "mutate" {
			act.Undo, act.Probe = a.name, true
		}
		c[a.name] = act
	}
	return c, nil
}

// parse is how a runtime reads the runbooks of a catalog.
func parse(c runbook.Catalog) func(src []byte) (*runbook.Runbook, error) {
	return func(src []byte) (*runbook.Runbook, error) {
		b, problems := runbook.Parse("test.yaml", src, c, nil)
		if len(problems) > 0 {
			var all []string
			for _, p := range problems {
				all = append(all, p.String())
			}
			return nil, errors.New(strings.Join(all, "\n"))
		}
		return b, nil
	}
}

func book(t testing.TB, src string) *runbook.Runbook {
	t.Helper()
	b, err := parse(catalog(t))([]byte(src))
	if err != nil {
		t.Error(err)
	}
	return b
}

// world is a runtime with everything that it needs.
type world struct {
	*Runtime
	t      testing.TB
	mem    *memory
	tenant *tenant
	hands  *hands
	warned chan error
}

// begin opens a runtime on a state. It is closed with the test.
func begin(t testing.TB, mem *memory, h *hands, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, mem: mem, tenant: &tenant{memory: mem}, hands: h, warned: make(chan error, 100)}
	cfg := Config{
		Journal: w.tenant, State: w.tenant, Executor: h, Book: parse(catalog(t)),
		Warn: func(run string, err error) { w.warned <- fmt.Errorf("%s: %w", run, err) },
	}
	for _, c := range change {
		c(&cfg)
	}
	if h != nil {
		h.journal = w.tenant
	}
	rt, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Runtime = rt
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = rt.Close(ctx) // a runtime that a test has broken says so again
	})
	return w
}

// start begins a run.
func (w *world) start(src, id string, change ...func(*engine.Facts)) string {
	w.t.Helper()
	f := engine.Facts{
		ID:        id,
		Runbook:   "test",
		Requester: engine.Requester{Kind: "alert", Name: "DBConnectionPoolHigh"},
		Roles:     map[string]engine.Role{"sre": {People: []string{"alice", "bob"}}},
		Pins:      engine.Pins{Runbook: Digest([]byte(src))},
	}
	if src != pause {
		f.Service, f.Owner = "api", "sre"
		f.Inputs = map[string]json.RawMessage{"service": json.RawMessage(`"api"`)}
		f.Resources = map[string]string{"settings": "git:/srv/config", "metrics": "http://m"}
	}
	for _, c := range change {
		c(&f)
	}
	id, err := w.Start(w.t.Context(), f, []byte(src))
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// until waits for a run to reach a state, woken by its records.
func (w *world) until(run string, reached func(r engine.Run) bool) engine.Run {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	recs, err := w.Watch(ctx, run, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	for range recs {
		r, err := w.Run(ctx, run)
		if err != nil {
			w.t.Fatal(err)
		}
		if reached(r) {
			return r
		}
	}
	w.t.Fatalf("run %s never got there: %v", run, w.mem.kinds(run))
	return engine.Run{}
}

// asked waits for a question of a kind whose turn has come.
func (w *world) asked(run string, kind engine.QuestionKind) engine.Question {
	w.t.Helper()
	var found engine.Question
	w.until(run, func(r engine.Run) bool {
		for _, q := range r.OpenQuestions() {
			if q.Kind == kind && !q.Early {
				found = q
				return true
			}
		}
		return false
	})
	return found
}

// approve says yes to the gate of a run once it asks.
func (w *world) approve(run string) {
	w.t.Helper()
	if err := w.Give(w.t.Context(), run, yes(w.asked(run, engine.AskGate))); err != nil {
		w.t.Fatal(err)
	}
}

func yes(q engine.Question) engine.Vote {
	return engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true}
}

// ended waits for the end of a run.
func (w *world) ended(run string) engine.Word {
	w.t.Helper()
	return w.until(run, func(r engine.Run) bool { return r.Ended() }).Word
}

func class(err error) string {
	var c interface{ Class() string }
	if errors.As(err, &c) {
		return c.Class()
	}
	return ""
}
