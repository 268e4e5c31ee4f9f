package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"go.uber.org/goleak"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

type discard struct{}

func (discard) Progress(int, int, string) {}
func (discard) Log(string, string)        {}

func binding(config string) plugins.Binding {
	return plugins.Binding{Service: "api", Capability: "database", Access: plugins.Read, Config: json.RawMessage(config)}
}

// bind binds as the user, for the length of the test.
func bind(t *testing.T, user string) plugins.Bound {
	t.Helper()
	needServer(t)
	b, err := New().Bind(binding(fmt.Sprintf(`{"plugin":"postgres","read":%q}`, dsn(user, "appdb", port))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// bindWarm binds, and returns once the warm connection is there.
func bindWarm(t *testing.T, user string) plugins.Bound {
	t.Helper()
	b := bind(t, user)
	waitWarm(t, b)
	return b
}

func waitWarm(t *testing.T, b plugins.Bound) {
	t.Helper()
	eventually(t, "there is a warm connection", func() bool {
		return b.(*bound).warm.do(t.Context(), func(context.Context, *session) error { return nil }) == nil
	})
}

func run(t *testing.T, b plugins.Bound, input string) plugins.Outcome {
	t.Helper()
	return b.Run(t.Context(), plugins.Call{ID: "1", Action: actionConnections, Input: json.RawMessage(input)}, discard{})
}

// read runs the action, and holds its output against the contract's schema.
func read(t *testing.T, b plugins.Bound) capability.ConnectionsOutput {
	t.Helper()
	outcome := run(t, b, `{}`)
	if outcome.Failure != nil {
		t.Fatalf("%+v", outcome.Failure)
	}
	contract, _ := capability.Lookup(actionConnections)
	var s jsonschema.Schema
	if err := json.Unmarshal(contract.Output, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(outcome.Outputs, &value); err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(value); err != nil {
		t.Error(err)
	}
	var out capability.ConnectionsOutput
	if err := json.Unmarshal(outcome.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBindRefuses(t *testing.T) {
	for _, c := range []struct{ config, names string }{
		{`{}`, "read"},
		{`{"reed":"x"}`, "reed"},
		{`{"read":7}`, "read"},
		{`{"read":"postgres://u:hunter2@host:notaport/db"}`, "read"},
	} {
		_, err := New().Bind(binding(c.config))
		var f *plugins.Failure
		if !errors.As(err, &f) || f.Class != plugins.Invalid || !strings.Contains(f.Reason, c.names) {
			t.Errorf("%s: %v, want class invalid naming %q", c.config, err, c.names)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	other := binding(`{"read":"postgres://x@127.0.0.1:1/db"}`)
	other.Capability = "metrics"
	if _, err := New().Bind(other); err == nil {
		t.Error("bound as metrics")
	}
}

func TestRunRefuses(t *testing.T) {
	b, err := New().Bind(binding(`{"read":"postgres://x@127.0.0.1:1/db"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, call := range []plugins.Call{
		{Action: "database.drop"},
		{Action: actionConnections, Input: json.RawMessage(`{"rowz":1}`)},
	} {
		if o := b.Run(t.Context(), call, discard{}); o.Failure == nil || o.Failure.Class != plugins.Invalid || o.Applied != plugins.None {
			t.Errorf("%+v: %+v", call, o)
		}
	}
	if _, err := b.Plan(t.Context(), plugins.Call{Action: actionConnections}); err == nil {
		t.Error("a read was planned")
	}
}

func TestStatements(t *testing.T) {
	for _, c := range []struct{ query, kind, shown string }{
		{"select * from users where name = 'bob' and id = 7", "read", "select * from users where name = ? and id = ?"},
		{"/* trace=1 */ UPDATE t SET a = 'it''s' -- x", "write", "UPDATE t SET a = ?"},
		{"alter\ttable t1 add c int", "ddl", "alter table t1 add c int"},
		{"lock table t", "lock", "lock table t"},
		{"select $$secret$$ || $a$x$a$", "read", "select ? || ?"},
		{"insert into t values ('cut off here", "write", "insert into t values (?"},
		{"", "other", ""},
		{"(select 1)", "read", "(select ?)"},
	} {
		if have := kindOf("client backend", c.query); have != c.kind {
			t.Errorf("kind of %q is %q, want %q", c.query, have, c.kind)
		}
		if have := withoutLiterals(c.query); have != c.shown {
			t.Errorf("%q is shown as %q, want %q", c.query, have, c.shown)
		}
	}
	if have := kindOf("autovacuum worker", "autovacuum: VACUUM t (to prevent wraparound)"); have != "autovacuum" {
		t.Errorf("kind %q", have)
	}
	if have := withoutLiterals(strings.Repeat("é", 500)); len(have) > mostQuery+len("…") {
		t.Errorf("%d bytes are shown", len(have))
	}
}

// TestCloseLeavesNothing holds that nothing outlives its binding, connected or
// not.
func TestCloseLeavesNothing(t *testing.T) {
	needServer(t)
	before := goleak.IgnoreCurrent()
	for _, address := range []string{dsn("monitor", "appdb", port), "postgres://x@127.0.0.1:1/db"} {
		b, err := New().Bind(binding(fmt.Sprintf(`{"read":%q}`, address)))
		if err != nil {
			t.Fatal(err)
		}
		run(t, b, `{}`)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, before)
}
