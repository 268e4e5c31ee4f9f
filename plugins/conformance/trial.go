package conformance

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/firebreak-ops/firebreak/plugins/host"
)

// Result is what became of one rule.
type Result struct {
	Rule     string   // such as mutate settings.apply/drift
	Problems []string // none: the plugin keeps it
	Log      []string // what the plugin said meanwhile
}

// Try holds the plugin to the contract without the testing package, and tells
// of each rule when it is over. It blocks until all are tried or ctx ends,
// and leaves no process.
func Try(ctx context.Context, spec host.Spec, cases Cases, tell func(Result)) {
	top := &trial{ctx: ctx, tell: tell}
	top.perform(func(t T) { Run(t, spec, cases) }) //nolint:contextcheck // the host binds again what nobody asked for
}

// trial is one rule while it is tried.
type trial struct {
	name     string
	ctx      context.Context
	tell     func(Result)
	cleanups []func()
	parent   bool // of other rules, which are told of

	mu       sync.Mutex // the plugin logs from other goroutines
	problems []string
	log      []string
}

var _ T = (*trial)(nil)

func (t *trial) Name() string             { return t.name }
func (t *trial) Context() context.Context { return t.ctx }
func (t *trial) Cleanup(f func())         { t.cleanups = append(t.cleanups, f) }
func (t *trial) Helper()                  {}

func (t *trial) Logf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log = append(t.log, fmt.Sprintf(format, args...))
}

func (t *trial) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

func (t *trial) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit() // of perform's goroutine
}

func (t *trial) Run(name string, rule func(t T)) {
	t.parent = true
	if t.name != "" {
		name = t.name + "/" + name
	}
	inner := &trial{name: name, ctx: t.ctx, tell: t.tell}
	inner.perform(rule)
}

// perform tries the rule, cleans up, and tells.
func (t *trial) perform(rule func(t T)) {
	ctx, cancel := context.WithCancel(t.ctx)
	t.ctx = ctx
	within(func() { rule(t) })
	cancel()
	for _, cleanup := range slices.Backward(t.cleanups) {
		within(cleanup)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.parent || len(t.problems) > 0 {
		t.tell(Result{Rule: t.name, Problems: t.problems, Log: t.log})
	}
}

// within calls f in a goroutine of its own, which f may end.
func within(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}
