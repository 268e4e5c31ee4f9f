package conformance

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// patience bounds each case; a plugin under test needs far less.
const patience = 5 * time.Minute

// suite is one run of the harness.
type suite struct {
	spec  host.Spec
	cases Cases
	host  *host.Host
}

// Run holds the plugin to the contract, each rule in one within t. It blocks
// until all are tried, and leaves no process.
func Run(t T, spec host.Spec, cases Cases) {
	t.Helper()
	s := &suite{spec: spec, cases: cases}
	s.host = s.start(t, cases.Sections)
	t.Run("describe", s.describe)
	t.Run("covered", s.covered)
	t.Run("orphan", s.orphan)
	t.Run("stranger", s.stranger)
	for _, section := range cases.Sections {
		t.Run("bind "+section.String(), s.prepared(func(t T) { s.bind(t, section) }))
		t.Run("unknown action "+section.String(), s.prepared(func(t T) { s.unknownAction(t, section) }))
	}
	for _, refused := range cases.Refused {
		t.Run("refuse "+refused.Key, s.prepared(func(t T) { s.refuse(t, refused) }))
	}
	for _, read := range cases.Reads {
		t.Run("read "+read.Action, s.prepared(func(t T) { s.read(t, read) }))
	}
	for _, mutation := range cases.Mutations {
		t.Run("mutate "+mutation.Action, func(t T) { s.mutate(t, mutation) })
	}
	t.Run("stays up", s.up)
}

// up: nothing of what it was tried with has ended the plugin.
func (s *suite) up(t T) {
	for _, status := range s.host.Status() {
		if status.Restarts > 0 {
			t.Errorf("it ended %d times while it was tried; the last time: %s", status.Restarts, status.Error)
		}
	}
}

// prepared is rule on a target that is as the cases want it.
func (s *suite) prepared(rule func(T)) func(T) {
	return func(t T) {
		if s.cases.Prepare != nil {
			s.cases.Prepare(t)
		}
		rule(t)
	}
}

func (s *suite) config(t T, sections []host.Section) host.Config {
	return host.Config{
		Specs: []host.Spec{s.spec}, Sections: sections, Contracts: capability.All(),
		Log: slog.New(slog.NewTextHandler(testLog{t}, nil)),
	}
}

func (s *suite) start(t T, sections []host.Section) *host.Host {
	t.Helper()
	h, err := host.New(s.config(t, sections))
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := h.Start(); err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Stop(ctx); err != nil {
			t.Errorf("%v", err)
		}
	})
	return h
}

func patient(t T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func key(section host.Section, access plugins.Effect) host.BindingKey {
	if section.Capability == "" {
		return host.BindingKey{Tool: section.Plugin, Access: access}
	}
	return host.BindingKey{Service: section.Service, Capability: section.Capability, Access: access}
}

// testLog shows a plugin's output with its test.
type testLog struct{ t T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
