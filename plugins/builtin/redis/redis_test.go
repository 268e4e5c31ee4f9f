package redis

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
	"github.com/firebreak-ops/firebreak/plugins/plugintest/daemons"
)

// shared is the server of the tests; nil where there is no Redis.
var shared *daemons.Daemon

func TestMain(m *testing.M) {
	if handshake := plugins.Handshake(); os.Getenv(handshake.MagicCookieKey) != "" {
		plugintest.Main(m, New()) // a child of the conformance test
		return
	}
	runtime.LockOSThread() // the server dies with the thread that started it
	code := 1
	var err error
	if shared, err = daemons.Redis(); err != nil {
		fmt.Fprintln(os.Stderr, "Redis:", err)
	}
	if err == nil || errors.Is(err, exec.ErrNotFound) {
		code = m.Run()
	}
	shared.Stop()
	os.Exit(code)
}

// client is what the tests have done, and look at.
type client struct {
	t    *testing.T
	conn redis.Conn
}

// do is for a command that may not fail.
func (c client) do(command string, args ...any) any {
	c.t.Helper()
	reply, err := c.conn.Do(command, args...)
	must(c.t, err)
	return reply
}

// count is a command's number.
func (c client) count(command string, args ...any) int {
	c.t.Helper()
	n, err := redis.Int(c.do(command, args...), nil)
	must(c.t, err)
	return n
}

// queueOf empties the server and returns a client of it.
func queueOf(t *testing.T) client {
	t.Helper()
	if shared == nil {
		t.Skip("no redis-server on PATH (Debian's package redis-server): nothing was tested")
	}
	conn, err := redis.Dial("tcp", shared.Address())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	c := client{t, conn}
	c.do("FLUSHALL")
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func address() string { return "redis://" + shared.Address() + "/0" }

func bind(t *testing.T, access plugins.Effect, more string) *bound {
	t.Helper()
	b, err := New().Bind(binding(access, fmt.Sprintf(`{"read":%q,"mutate":%q,%s}`, address(), address(), more)))
	must(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b.(*bound)
}

func binding(access plugins.Effect, config string) plugins.Binding {
	return plugins.Binding{Service: "api", Capability: "backlog", Access: access, Config: json.RawMessage(config)}
}

type discard struct{}

func (discard) Progress(int, int, string) {}
func (discard) Log(string, string)        {}

func run(t *testing.T, b *bound, action, input string) plugins.Outcome {
	t.Helper()
	return b.Run(t.Context(), plugins.Call{ID: "1", Action: action, Input: json.RawMessage(input)}, discard{})
}

func outputs[O any](t *testing.T, o plugins.Outcome) (out O) {
	t.Helper()
	if o.Failure != nil {
		t.Fatalf("%s: %s", o.Failure.Class, o.Failure.Reason)
	}
	must(t, json.Unmarshal(o.Outputs, &out))
	return out
}

// job is an element of a list that was queued so long ago.
func job(id int, ago time.Duration) string {
	return fmt.Sprintf(`{"id":%d,"meta":{"queued":%q}}`, id, time.Now().Add(-ago).UTC().Format(time.RFC3339Nano))
}

const listSection = `"list":"jobs","time":"meta.queued"`

func TestConformance(t *testing.T) {
	c := queueOf(t)
	secret := filepath.Join(t.TempDir(), "url")
	must(t, os.WriteFile(secret, []byte(address()), 0o600))
	section := func(service, more string) host.Section {
		config := fmt.Sprintf(`{"read":{"secret":"file:%s"},"mutate":{"secret":"file:%s"}%s}`, secret, secret, more)
		return host.Section{Service: service, Capability: "backlog", Plugin: "redis", Config: json.RawMessage(config)}
	}
	length := func(command, key string) func(*testing.T) string {
		return func(*testing.T) string { return fmt.Sprint(c.count(command, key)) }
	}
	plugintest.Run(t, plugintest.Self("redis"), plugintest.Cases{
		Prepare: func(*testing.T) {
			c.do("FLUSHALL")
			c.do("LPUSH", "jobs", job(1, time.Minute), job(2, time.Second))
			c.do("XADD", "orders", "*", "id", "1")
		},
		Sections: []host.Section{section("listed", ","+listSection), section("streamed", `,"stream":"orders"`)},
		Refused: []plugintest.Refused{
			{Section: section("x", ""), Key: "list"},
			{Section: section("x", `,"list":"a"`), Key: "time"},
			{Section: section("x", `,"stream":"a","oldest":"left"`), Key: "oldest"},
			{Section: section("x", `,"stream":"a","shed_to":"a"`), Key: "shed_to"},
			{Section: host.Section{Service: "x", Capability: "backlog", Plugin: "redis", Config: json.RawMessage(`{"stream":"a"}`)}, Key: "read"},
			{Section: host.Section{Service: "x", Capability: "backlog", Plugin: "redis", Config: json.RawMessage(`{"read":"redis://h","stream":"a"}`)}, Access: plugins.Mutate, Key: "mutate"},
		},
		Reads: []plugintest.Read{
			{Service: "listed", Action: actionStatus, Input: json.RawMessage(`{}`)},
			{Service: "streamed", Action: actionStatus, Input: json.RawMessage(`{}`)},
		},
		Mutations: []plugintest.Mutation{
			{Service: "listed", Action: actionShed, Input: json.RawMessage(`{}`), State: length("LLEN", "jobs")},
			{Service: "streamed", Action: actionShed, Input: json.RawMessage(`{}`), State: length("XLEN", "orders")},
		},
	})
}

// TestListByAge sheds the old, oldest first, and loses nothing.
func TestListByAge(t *testing.T) {
	for oldest, push := range map[string]string{"tail": "LPUSH", "head": "RPUSH"} {
		t.Run(oldest, func(t *testing.T) {
			c := queueOf(t)
			for i := range 250 { // more than a batch
				c.do(push, "jobs", job(i, time.Hour))
			}
			c.do(push, "jobs", job(250, 0))
			b := bind(t, plugins.Mutate, listSection+fmt.Sprintf(`,"oldest":%q`, oldest))
			status := outputs[capability.BacklogOutput](t, run(t, b, actionStatus, `{}`))
			if status.Waiting != 251 || status.OldestS == nil || *status.OldestS < 3590 || status.Shedding {
				t.Errorf("%+v", status)
			}
			o := run(t, b, actionShed, `{"older_than":"10m"}`)
			if out := outputs[capability.ShedOutput](t, o); out.Cancelled != 250 || out.Refused != 0 || o.Applied != plugins.All {
				t.Errorf("%+v, applied %s", out, o.Applied)
			}
			left, err := redis.Strings(c.do("LRANGE", "jobs", 0, -1), nil)
			must(t, err)
			shed, err := redis.Strings(c.do("LRANGE", "jobs:shed", 0, -1), nil)
			must(t, err)
			if len(left) != 1 || !strings.Contains(left[0], `"id":250,`) || len(shed) != 250 || !strings.Contains(shed[249], `"id":0,`) {
				t.Errorf("%d are left and %d moved", len(left), len(shed))
			}
			if o := run(t, b, actionShed, `{"older_than":"10m"}`); o.Failure != nil || o.Applied != plugins.None {
				t.Errorf("again: %+v", o)
			}
		})
	}
}

// TestListOfUnknownAge holds that what may be young is left alone, and that
// everything is everything.
func TestListOfUnknownAge(t *testing.T) {
	c := queueOf(t)
	c.do("LPUSH", "jobs", "no JSON", job(1, time.Hour))
	b := bind(t, plugins.Mutate, listSection)
	if s := outputs[capability.BacklogOutput](t, run(t, b, actionStatus, `{}`)); s.Waiting != 2 || s.OldestS != nil {
		t.Errorf("%+v", s)
	}
	if out := outputs[capability.ShedOutput](t, run(t, b, actionShed, `{"older_than":"1m"}`)); out.Cancelled != 0 {
		t.Errorf("%+v", out)
	}
	if out := outputs[capability.ShedOutput](t, run(t, b, actionShed, `{}`)); out.Cancelled != 2 {
		t.Errorf("%+v", out)
	}
}

// TestMost holds the cap.
func TestMost(t *testing.T) {
	c := queueOf(t)
	for i := range 10 {
		c.do("LPUSH", "jobs", job(i, time.Hour))
	}
	b := bind(t, plugins.Mutate, listSection+`,"most":3,"shed_to":"dead"`)
	plan, err := b.Plan(t.Context(), plugins.Call{Action: actionShed, Input: json.RawMessage(`{"older_than":"1m"}`)})
	must(t, err)
	if plan.BlastRadius != (plugins.BlastRadius{Unit: "requests", Affected: 3, Total: 10}) || !strings.Contains(plan.Detail, "more than 1m0s in jobs to dead, oldest first, 3 at most") {
		t.Errorf("%+v:\n%s", plan.BlastRadius, plan.Detail)
	}
	if out := outputs[capability.ShedOutput](t, run(t, b, actionShed, `{}`)); out.Cancelled != 3 {
		t.Errorf("%+v", out)
	}
	if n := c.count("LLEN", "dead"); n != 3 {
		t.Errorf("%d are in dead", n)
	}
}

// TestElementTakenMeanwhile holds that only what still is at the end of the
// list is moved.
func TestElementTakenMeanwhile(t *testing.T) {
	c := queueOf(t)
	c.do("LPUSH", "jobs", "a", "b")
	n, err := redis.Int(moveElements.Do(c.conn, "jobs", "dead", "tail", "a", "x", "b"))
	if err != nil || n != 1 || c.count("LLEN", "jobs") != 1 {
		t.Errorf("%d were moved: %v", n, err)
	}
}

// TestStreamWithGroup holds that what consumers are at is left alone.
func TestStreamWithGroup(t *testing.T) {
	c := queueOf(t)
	add := func(ago time.Duration, value string) {
		id := fmt.Sprintf("%d-*", time.Now().Add(-ago).UnixMilli())
		c.do("XADD", "orders", id, "order", value)
	}
	for _, value := range []string{"at work", "old", "older"} {
		add(time.Hour, value)
	}
	add(0, "young")
	c.do("XGROUP", "CREATE", "orders", "workers", "0")
	c.do("XREADGROUP", "GROUP", "workers", "one", "COUNT", 1, "STREAMS", "orders", ">")
	b := bind(t, plugins.Mutate, `"stream":"orders","group":"workers"`)
	if s := outputs[capability.BacklogOutput](t, run(t, b, actionStatus, `{}`)); s.Waiting != 3 || s.OldestS == nil || *s.OldestS < 3590 {
		t.Errorf("%+v", s)
	}
	if out := outputs[capability.ShedOutput](t, run(t, b, actionShed, `{"older_than":"1m"}`)); out.Cancelled != 2 {
		t.Errorf("%+v", out)
	}
	if s := outputs[capability.BacklogOutput](t, run(t, b, actionStatus, `{}`)); s.Waiting != 1 || *s.OldestS > 3000 {
		t.Errorf("after entries were deleted: %+v", s)
	}
	shed, err := redis.Values(c.do("XRANGE", "orders:shed", "-", "+"), nil)
	must(t, err)
	if len(shed) != 2 {
		t.Fatalf("moved %q", shed)
	}
	first, err := redis.Values(shed[0], nil)
	must(t, err)
	entry, err := redis.StringMap(first[1], nil)
	must(t, err)
	if entry["order"] != "old" || entry["shed_id"] == "" {
		t.Errorf("moved %q first", entry)
	}
	if left := c.count("XLEN", "orders"); left != 2 {
		t.Errorf("%d are left", left)
	}
	// One that was delivered between reading and moving.
	ids, err := (&stream{c.conn, section{Stream: "orders"}}).ids(t.Context(), "-", "+", 1)
	must(t, err)
	n, err := redis.Int(moveEntries.Do(c.conn, "orders", "orders:shed", "workers", ids[0]))
	if err != nil || n != 0 {
		t.Errorf("%d at work were moved: %v", n, err)
	}
}

func TestFailures(t *testing.T) {
	c := queueOf(t)
	c.do("SET", "jobs", "text")
	c.do("XADD", "orders", "*", "id", "1")
	c.do("ACL", "SETUSER", "looker", "on", ">secret", "~*", "+@read")
	t.Cleanup(func() { c.do("ACL", "DELUSER", "looker") })
	looker := strings.Replace(address(), "redis://", "redis://looker:secret@", 1)
	open := func(config string) *bound {
		b, err := New().Bind(binding(plugins.Mutate, config))
		must(t, err)
		t.Cleanup(func() { _ = b.Close() })
		return b.(*bound)
	}
	for name, c := range map[string]struct {
		b             *bound
		action, class string
	}{
		"no list":        {bind(t, plugins.Read, listSection), actionStatus, plugins.Invalid},
		"no group":       {bind(t, plugins.Read, `"stream":"orders","group":"ghosts"`), actionStatus, plugins.NotFound},
		"bound to read":  {bind(t, plugins.Read, `"stream":"orders"`), actionShed, plugins.Denied},
		"may not move":   {open(fmt.Sprintf(`{"read":%q,"mutate":%q,"stream":"orders"}`, address(), looker)), actionShed, plugins.Denied},
		"wrong password": {open(fmt.Sprintf(`{"read":%q,"mutate":%q,"stream":"orders"}`, address(), strings.Replace(looker, "secret", "other", 1))), actionShed, plugins.Denied},
		"nobody there":   {open(`{"read":"redis://127.0.0.1:1/0","mutate":"redis://127.0.0.1:1/0","stream":"orders"}`), actionShed, plugins.Unavailable},
		"another action": {bind(t, plugins.Read, `"stream":"orders"`), "backlog.burn", plugins.Invalid},
	} {
		o := run(t, c.b, c.action, `{}`)
		if o.Failure == nil || o.Failure.Class != c.class || o.Applied != plugins.None {
			t.Errorf("%s: %+v, applied %s; want %s, none", name, o.Failure, o.Applied, c.class)
		}
		if o.Failure != nil && strings.Contains(o.Failure.Reason, "secret@") {
			t.Errorf("%s: the reason shows the password: %s", name, o.Failure.Reason)
		}
	}
	for _, wrong := range []string{"redis://u:hunter2@h:port/0", "redis://u:hunter2@h/zero", "redis://u:hunter2@/0", "http://u:hunter2@h", "redis://u:hunter2@h/-1", "redis://u:hunter2@h/0?db=1", "%"} {
		if _, err := New().Bind(binding(plugins.Read, fmt.Sprintf(`{"read":%q,"stream":"a"}`, wrong))); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestQueuedAt(t *testing.T) {
	want := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	for element, known := range map[string]bool{
		`{"a":{"b":"2026-11-27T08:00:00Z"}}`: true, `{"a":{"b":1795766400}}`: true, `{"a":{"b":1795766400000}}`: true, `{"a":{"b":1795766400.0}}`: true,
		`{"a":{"b":"today"}}`: false, `{"a":{}}`: false, `{"a":7}`: false, `[]`: false, `nonsense`: false, `{"a":{"b":0}}`: false,
	} {
		if at, ok := queuedAt(element, "a.b"); ok != known || ok && !at.Equal(want) {
			t.Errorf("%s: %v, %v", element, at, ok)
		}
	}
}

func TestParseURL(t *testing.T) {
	for text, want := range map[string]server{
		"redis://h":                    {address: "h:6379"},
		"redis://u:p%40ss@h:7000/3":    {address: "h:7000", database: 3, user: "u", password: "p@ss"},
		"rediss://:p@queue.example/":   {address: "queue.example:6379", password: "p", encrypted: true},
		"redis://[2001:db8::1]:6380/0": {address: "[2001:db8::1]:6380"},
		"redis://[2001:db8::1]":        {address: "[2001:db8::1]:6379"},
	} {
		if got, err := parseURL(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}
