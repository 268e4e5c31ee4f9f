package plugintest

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// patience bounds each case; a plugin under test needs far less.
const patience = time.Minute

// suite is one run of the harness.
type suite struct {
	spec  host.Spec
	cases Cases
	host  *host.Host
}

// Run holds the plugin to the contract, each rule in a subtest.
func Run(t *testing.T, spec host.Spec, cases Cases) {
	t.Helper()
	s := &suite{spec: spec, cases: cases}
	s.host = s.start(t, cases.Sections)
	t.Run("describe", s.describe)
	t.Run("orphan", s.orphan)
	t.Run("bind", s.bind)
	t.Run("refuse", s.refuse)
	t.Run("unknown action", s.unknownAction)
	for _, read := range cases.Reads {
		t.Run("read "+read.Action, func(t *testing.T) { s.read(t, read) })
	}
	for _, mutation := range cases.Mutations {
		t.Run("mutate "+mutation.Action, func(t *testing.T) { s.mutate(t, mutation) })
	}
}

func (s *suite) config(t *testing.T, sections []host.Section) host.Config {
	return host.Config{
		Specs: []host.Spec{s.spec}, Sections: sections, Contracts: s.cases.Contracts,
		Log: slog.New(slog.NewTextHandler(testLog{t}, nil)),
	}
}

func (s *suite) start(t *testing.T, sections []host.Section) *host.Host {
	t.Helper()
	h, err := host.New(s.config(t, sections))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return h
}

func patient(t *testing.T) context.Context {
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
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
