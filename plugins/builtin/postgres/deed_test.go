package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// bindMutate binds for changes as the user, for the length of the test.
func bindMutate(t *testing.T, user, more string) *bound {
	t.Helper()
	needServer(t)
	b := binding(fmt.Sprintf(`{"read":%q,"mutate":%q%s}`, dsn("monitor", "appdb", port), dsn(user, "appdb", port), more))
	b.Access = plugins.Mutate
	opened, err := New().Bind(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	return opened.(*bound)
}

func act(t *testing.T, b *bound, action, input string) plugins.Outcome {
	t.Helper()
	return b.Run(t.Context(), plugins.Call{ID: "1", Action: action, Input: json.RawMessage(input)}, discard{})
}

func outputs[O any](t *testing.T, o plugins.Outcome) (out O) {
	t.Helper()
	if o.Failure != nil {
		t.Fatalf("%s: %s", o.Failure.Class, o.Failure.Reason)
	}
	if err := json.Unmarshal(o.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// alive says whether the session still is there.
func alive(t *testing.T, conn *pgx.Conn) bool {
	t.Helper()
	return conn.Ping(t.Context()) == nil
}

// TestTerminateOldestFirst holds the cap, and that the oldest go.
func TestTerminateOldestFirst(t *testing.T) {
	b := bindMutate(t, "fixer", "")
	first, second, third := forgotten(t, "api"), forgotten(t, "api"), forgotten(t, "api")
	out := outputs[capability.SessionsOutput](t, act(t, b, actionTerminate, `{"state":"idle in transaction","most":2,"share":100}`))
	if out.Signalled != 2 || out.Gone != 2 || out.Left != 1 || len(out.Sessions) != 2 {
		t.Fatalf("%+v", out)
	}
	if alive(t, first) || alive(t, second) || !alive(t, third) {
		t.Errorf("the oldest of three is alive: %v, %v, %v", alive(t, first), alive(t, second), alive(t, third))
	}
	if s := out.Sessions[0]; s.User != "app" || s.Application != "api" || s.Address != "127.0.0.1" || s.State != idleInTransaction || s.Query != "select ?" || s.XactAgeS == nil || !s.Gone {
		t.Errorf("session %+v", s)
	}
}

// TestShare holds that a share is of all sessions, and rounded up.
func TestShare(t *testing.T) {
	b := bindMutate(t, "fixer", "")
	eventually(t, "there are three sessions and no others", func() bool {
		var c choice
		s, err := b.newSignal(plugins.Call{Action: actionTerminate, Input: json.RawMessage(`{"state":"idle in transaction"}`)})
		if err == nil {
			err = b.with(t.Context(), func(ctx context.Context, conn *pgx.Conn) (err error) { c, err = s.choose(ctx, conn); return err })
		}
		return err == nil && c.total == 0
	})
	for range 3 {
		forgotten(t, "api")
	}
	plan, err := b.Plan(t.Context(), plugins.Call{Action: actionTerminate, Input: json.RawMessage(`{"state":"idle in transaction","share":20}`)})
	if err != nil {
		t.Fatal(err)
	}
	if plan.BlastRadius != (plugins.BlastRadius{Unit: "sessions", Affected: 1, Total: 3}) || !strings.Contains(plan.Detail, "2 more are as described and stay") {
		t.Errorf("%+v\n%s", plan.BlastRadius, plan.Detail)
	}
	if !strings.Contains(plan.Detail, `app "api" from 127.0.0.1 on appdb, idle in transaction for`) {
		t.Errorf("detail:\n%s", plan.Detail)
	}
}

// TestNeverTouched holds that some sessions are spared even by name and by a
// superuser.
func TestNeverTouched(t *testing.T) {
	b := bindMutate(t, "admin", `,"spare":["Flyway"]`)
	var conns []*pgx.Conn
	var refs []capability.SessionRef
	name := func(conn *pgx.Conn) {
		var r capability.SessionRef
		if err := conn.QueryRow(t.Context(), "select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()").Scan(&r.Pid, &r.BackendStart); err != nil {
			t.Fatal(err)
		}
		conns, refs = append(conns, conn), append(refs, r)
	}
	name(openAs(t, "admin", "api"))
	name(openAs(t, "app", "pg_dump"))
	name(openAs(t, "app", "flyway-9"))
	name(openAs(t, "app", applicationName))
	raw, _ := json.Marshal(map[string]any{"sessions": refs, "share": 100})
	out := outputs[capability.SessionsOutput](t, act(t, b, actionTerminate, string(raw)))
	if out.Signalled != 0 || out.Left != 0 {
		t.Errorf("%+v", out)
	}
	for i, conn := range conns {
		if !alive(t, conn) {
			t.Errorf("session %d was ended", i)
		}
	}
}

// TestNamedSessions holds that a pid alone names nobody, and that what the
// outputs of database.connections say can be handed on.
func TestNamedSessions(t *testing.T) {
	b := bindMutate(t, "fixer", "")
	conn := openAs(t, "app", "api")
	pid := conn.PgConn().PID()
	var start time.Time
	if err := conn.QueryRow(t.Context(), "select backend_start from pg_stat_activity where pid = pg_backend_pid()").Scan(&start); err != nil {
		t.Fatal(err)
	}
	input := func(start time.Time) string {
		raw, _ := json.Marshal(map[string]any{"share": 100, "sessions": []any{map[string]any{"pid": pid, "backend_start": start, "kind": "ddl", "blocks": 3}}})
		return string(raw)
	}
	if o := act(t, b, actionTerminate, input(start.Add(-time.Second))); o.Failure != nil || o.Applied != plugins.None || !alive(t, conn) {
		t.Errorf("who has the pid of one before was ended: %+v", o)
	}
	if o := act(t, b, actionTerminate, input(start)); o.Failure != nil || o.Applied != plugins.All || alive(t, conn) {
		t.Errorf("the session was not ended: %+v", o)
	}
}

// TestCancelLeavesTheSession holds that only the statement ends, and that one
// without a statement is left alone.
func TestCancelLeavesTheSession(t *testing.T) {
	b := bindMutate(t, "fixer", "")
	idle := openAs(t, "app", "api")
	ended := sleeping(t, "api")
	out := outputs[capability.SessionsOutput](t, act(t, b, actionCancel, `{"user":"app","share":100}`))
	if out.Signalled != 1 || out.Gone != 1 {
		t.Errorf("%+v", out)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "57014") {
		t.Errorf("the statement ended with %v", err)
	}
	if !alive(t, idle) {
		t.Error("the idle session was ended")
	}
}

// TestSessionThatWentOn holds that a session is looked at once more: it may
// have committed since it was chosen.
func TestSessionThatWentOn(t *testing.T) {
	b := bindMutate(t, "fixer", "")
	conn := forgotten(t, "api")
	s, err := b.newSignal(plugins.Call{Action: actionTerminate, Input: json.RawMessage(`{"state":"idle in transaction","share":100}`)})
	if err != nil {
		t.Fatal(err)
	}
	err = b.with(t.Context(), func(ctx context.Context, admin *pgx.Conn) error {
		c, err := s.choose(ctx, admin)
		if err != nil || len(c.victims) != 1 {
			return fmt.Errorf("chosen: %+v, %w", c, err)
		}
		if _, err := conn.Exec(ctx, "commit; begin; select 1"); err != nil {
			return err
		}
		if told, err := s.tell(ctx, admin, c.victims[0]); told || err != nil {
			t.Errorf("it was ended: %v, %v", told, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !alive(t, conn) {
		t.Error("the session was ended")
	}
}

// TestRepairsWhenEverySlotIsTaken holds that the warm connection is what they
// go over, without a right to reserved slots.
func TestRepairsWhenEverySlotIsTaken(t *testing.T) {
	b := bindMutate(t, "fixer", "")
	waitWarm(t, b)
	conn := forgotten(t, "forgetful")
	takeSlots(t)
	out := outputs[capability.SessionsOutput](t, act(t, b, actionTerminate, `{"state":"idle in transaction"}`))
	if out.Gone != 1 || alive(t, conn) {
		t.Errorf("%+v", out)
	}
}

func TestSignalIsDenied(t *testing.T) {
	b := bindMutate(t, "monitor", "")
	conn := forgotten(t, "api")
	o := act(t, b, actionTerminate, `{"state":"idle in transaction"}`)
	if o.Failure == nil || o.Failure.Class != plugins.Denied || o.Applied != plugins.None || !alive(t, conn) {
		t.Errorf("%+v", o)
	}
}

// TestLimitOfRole holds that a limit is set over an old one, and put back.
func TestLimitOfRole(t *testing.T) {
	b := bindMutate(t, "fixer", "")
	admin := open(t, "admin", "postgres")
	do(t, admin, "alter role batch connection limit 5")
	do(t, admin, "grant batch to fixer with admin option") // which it takes since PostgreSQL 16
	t.Cleanup(func() { cleanUp(t, "alter role batch connection limit -1") })
	open(t, "batch", "postgres")
	o := act(t, b, actionLimit, `{"role":"batch","limit":0}`)
	out := outputs[capability.LimitOutput](t, o)
	if *out.From != 5 || *out.To != 0 || out.Open != 1 {
		t.Errorf("%+v", out)
	}
	if _, err := pgx.Connect(t.Context(), dsn("batch", "postgres", port)); err == nil || !strings.Contains(err.Error(), `too many connections for role "batch"`) {
		t.Errorf("a role without connections connects: %v", err)
	}
	undo := b.Run(t.Context(), plugins.Call{ID: "2", Action: actionLimit, Receipt: o.Receipt, Expect: o.Left}, discard{})
	if back := outputs[capability.LimitOutput](t, undo); *back.To != 5 {
		t.Errorf("%+v", back)
	}
}

// TestLimitOfDatabase sets none, and one where there was none.
func TestLimitOfDatabase(t *testing.T) {
	b := bindMutate(t, "admin", "")
	t.Cleanup(func() { cleanUp(t, "alter database appdb connection limit -1") })
	o := act(t, b, actionLimit, `{"database":"appdb","limit":50}`)
	if out := outputs[capability.LimitOutput](t, o); out.From != nil || *out.To != 50 || out.Database != "appdb" {
		t.Errorf("%+v", out)
	}
	if out := outputs[capability.LimitOutput](t, act(t, b, actionLimit, `{"database":"appdb","limit":null}`)); *out.From != 50 || out.To != nil {
		t.Errorf("%+v", out)
	}
}

// TestLimitChangedMeanwhile holds that the statement itself compares.
func TestLimitChangedMeanwhile(t *testing.T) {
	b := bindMutate(t, "admin", "")
	l := &limit{bound: b, role: "batch", to: new(9)}
	err := b.with(t.Context(), func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, l.statement(new(8)))
		return err
	})
	if o := b.refused(err, true); o.Failure.Class != plugins.Drift || o.Applied != plugins.None {
		t.Errorf("%+v", o)
	}
}

// TestNobodyWritesBetweenLookAndChange holds that a limit that somebody else
// sets meanwhile waits until ours is set: it is not overwritten unseen, of
// which the plan need not warn. That of a setting does.
func TestNobodyWritesBetweenLookAndChange(t *testing.T) {
	b := bindMutate(t, "admin", "")
	t.Cleanup(func() { cleanUp(t, "alter role batch connection limit -1") })
	t.Cleanup(func() { cleanUp(t, "alter database appdb connection limit -1") })
	for change, l := range map[string]*limit{
		"alter role batch connection limit 7":     {bound: b, role: "batch", to: new(9)},
		"alter database appdb connection limit 7": {bound: b, database: "appdb", to: new(9)},
	} {
		here, ours, other := open(t, "admin", "postgres"), open(t, "admin", "postgres"), open(t, "admin", "postgres")
		do(t, here, "select pg_advisory_lock(7)")
		ended := make(chan error, 1)
		go func() {
			_, err := ours.Exec(t.Context(), strings.Replace(l.statement(nil), "if not ", "perform pg_advisory_xact_lock(7); if not ", 1))
			ended <- err
		}()
		eventually(t, "it is about to look", func() (waits bool) {
			err := here.QueryRow(t.Context(), "select exists (select from pg_locks where locktype = 'advisory' and not granted)").Scan(&waits)
			return err == nil && waits
		})
		do(t, other, "set lock_timeout = '20ms'")
		if _, err := other.Exec(t.Context(), change); err == nil || !strings.Contains(err.Error(), "55P03") {
			t.Errorf("%s, while ours is under way: %v", change, err)
		}
		do(t, here, "select pg_advisory_unlock(7)")
		if err := <-ended; err != nil {
			t.Error(err)
		}
		plan, err := l.plan(t.Context())
		if err != nil || strings.Contains(plan.Detail, plugins.LastLook) {
			t.Errorf("%v: %s", err, plan.Detail)
		}
	}
	for input, warns := range map[string]bool{
		`{"setting":"statement_timeout","value":"9s"}`:                true,
		`{"setting":"statement_timeout","value":"9s","role":"batch"}`: true,
		`{"setting":"statement_timeout","value":null}`:                false, // it is not set, and stays so
	} {
		plan, err := b.Plan(t.Context(), plugins.Call{Action: actionConfigure, Input: json.RawMessage(input)})
		if err != nil || strings.Contains(plan.Detail, plugins.LastLook) != warns {
			t.Errorf("%s: %v: %s", input, err, plan.Detail)
		}
	}
}

// TestConfigureTellsRestartApart sets one setting that is live at once, and
// one that is not.
func TestConfigureTellsRestartApart(t *testing.T) {
	b := bindMutate(t, "admin", "")
	t.Cleanup(func() {
		if err := server.Exec("postgres", "alter system reset all", "select pg_reload_conf()"); err != nil {
			t.Error(err)
		}
	})
	o := act(t, b, actionConfigure, `{"setting":"idle_in_transaction_session_timeout","value":"10min"}`)
	if out := outputs[capability.ConfigureOutput](t, o); !out.Live || out.PendingRestart || !out.From.IsNull() || o.Applied != plugins.All {
		t.Errorf("%+v", out)
	}
	var now string
	if err := open(t, "app", "appdb").QueryRow(t.Context(), "show idle_in_transaction_session_timeout").Scan(&now); err != nil || now != "10min" {
		t.Errorf("it is %s: %v", now, err)
	}
	plan, err := b.Plan(t.Context(), plugins.Call{Action: actionConfigure, Input: json.RawMessage(`{"setting":"max_connections","value":60}`)})
	if err != nil || !strings.Contains(plan.Detail, "it takes a RESTART of the server") {
		t.Errorf("%v:\n%s", err, plan.Detail)
	}
	o = act(t, b, actionConfigure, `{"setting":"max_connections","value":60}`)
	if out := outputs[capability.ConfigureOutput](t, o); out.Live || !out.PendingRestart {
		t.Errorf("%+v", out)
	}
	undo := b.Run(t.Context(), plugins.Call{ID: "2", Action: actionConfigure, Receipt: o.Receipt}, discard{})
	if out := outputs[capability.ConfigureOutput](t, undo); !out.Live || out.PendingRestart || !out.To.IsNull() {
		t.Errorf("undone: %+v", out)
	}
	if o := act(t, b, actionConfigure, `{"setting":"statement_timeout","value":"soon"}`); o.Failure == nil || o.Failure.Class != plugins.Invalid || o.Applied != plugins.None {
		t.Errorf("%+v", o)
	}
}

// TestConfigureRole sets what new sessions of a role have, over what was set.
func TestConfigureRole(t *testing.T) {
	b := bindMutate(t, "admin", "")
	t.Cleanup(func() { cleanUp(t, "alter role batch reset all") })
	act(t, b, actionConfigure, `{"setting":"statement_timeout","value":"30s","role":"batch"}`)
	o := act(t, b, actionConfigure, `{"setting":"statement_timeout","value":"5s","role":"batch"}`)
	if out := outputs[capability.ConfigureOutput](t, o); out.From.String() != "30s" || !out.Live || out.PendingRestart {
		t.Errorf("%+v", out)
	}
	show := func() (now string) {
		if err := open(t, "batch", "postgres").QueryRow(t.Context(), "show statement_timeout").Scan(&now); err != nil {
			t.Fatal(err)
		}
		return now
	}
	if now := show(); now != "5s" {
		t.Errorf("it is %s", now)
	}
	outputs[capability.ConfigureOutput](t, b.Run(t.Context(), plugins.Call{ID: "2", Action: actionConfigure, Receipt: o.Receipt, Expect: o.Left}, discard{}))
	if now := show(); now != "30s" {
		t.Errorf("put back it is %s", now)
	}
}

func TestDeedsAreRefused(t *testing.T) {
	b := bindMutate(t, "admin", "")
	for _, c := range []struct {
		action, input, receipt, class string
	}{
		{action: actionTerminate, input: `{}`, class: plugins.Invalid},
		{action: actionTerminate, input: `{"older_than":"1m"}`, class: plugins.Invalid},
		{action: actionTerminate, input: `{"state":"idle","share":101}`, class: plugins.Invalid},
		{action: actionTerminate, input: `{"sessions":[]}`, class: plugins.Invalid},
		{action: actionCancel, receipt: `{}`, class: plugins.Invalid},
		{action: actionLimit, input: `{"limit":1}`, class: plugins.Invalid},
		{action: actionLimit, input: `{"role":"app","database":"appdb","limit":1}`, class: plugins.Invalid},
		{action: actionLimit, input: `{"role":"ghost","limit":1}`, class: plugins.NotFound},
		{action: actionLimit, receipt: `{"limit":1}`, class: plugins.Invalid},
		{action: actionConfigure, input: `{"setting":"archive_command","value":"rm"}`, class: plugins.Invalid},
		{action: actionConfigure, input: `{"setting":"statement_timeout","value":"1s","role":"ghost"}`, class: plugins.NotFound},
		{action: actionConfigure, input: `{"setting":"max_connections","value":9,"role":"batch"}`, class: plugins.Invalid},
	} {
		o := b.Run(t.Context(), plugins.Call{ID: "1", Action: c.action, Input: json.RawMessage(c.input), Receipt: json.RawMessage(c.receipt)}, discard{})
		if o.Failure == nil || o.Failure.Class != c.class || o.Applied != plugins.None {
			t.Errorf("%s %s%s: %+v, applied %s; want %s", c.action, c.input, c.receipt, o.Failure, o.Applied, c.class)
		}
	}
	read := bind(t, "admin").(*bound)
	if o := act(t, read, actionTerminate, `{"state":"idle"}`); o.Failure == nil || o.Failure.Class != plugins.Denied {
		t.Errorf("bound to read: %+v", o)
	}
	other := binding(fmt.Sprintf(`{"read":%q,"mutate":%q}`, dsn("monitor", "appdb", port), dsn("admin", "postgres", port)))
	other.Access = plugins.Mutate
	if _, err := New().Bind(other); err == nil || !strings.Contains(err.Error(), "/postgres") {
		t.Errorf("mutate of another database: %v", err)
	}
}

// TestQuoting holds that a name is never more than a name.
func TestQuoting(t *testing.T) {
	b := bindMutate(t, "admin", "")
	evil := `x'; drop role batch; --"$$`
	admin := open(t, "admin", "postgres")
	do(t, admin, "create role "+pgx.Identifier{evil}.Sanitize())
	t.Cleanup(func() { cleanUp(t, "drop role "+pgx.Identifier{evil}.Sanitize()) })
	raw, _ := json.Marshal(map[string]any{"role": evil, "limit": 3})
	if out := outputs[capability.LimitOutput](t, act(t, b, actionLimit, string(raw))); *out.To != 3 {
		t.Errorf("%+v", out)
	}
	raw, _ = json.Marshal(map[string]any{"role": evil, "setting": "statement_timeout", "value": "1s"})
	outputs[capability.ConfigureOutput](t, act(t, b, actionConfigure, string(raw)))
	var limit int
	if err := admin.QueryRow(t.Context(), "select rolconnlimit from pg_roles where rolname = $1", evil).Scan(&limit); err != nil || limit != 3 {
		t.Errorf("limit %d: %v", limit, err)
	}
}

// TestSignalWhoseAnswerIsLost holds that it is not known then, and not that
// nothing was done: whoever tries again on that word ends more than it may.
func TestSignalWhoseAnswerIsLost(t *testing.T) {
	needServer(t)
	first := forgotten(t, "unanswered")
	through := dsn("fixer", "appdb", cutAt(t, "pg_terminate_backend"))
	opened, err := New().Bind(plugins.Binding{Capability: "database", Access: plugins.Mutate, Config: json.RawMessage(fmt.Sprintf(`{"read":%q,"mutate":%q}`, through, through))})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	o := act(t, opened.(*bound), actionTerminate, `{"state":"idle in transaction","application":"unanswered","share":100}`)
	if o.Failure == nil || o.Applied != plugins.Unknown {
		t.Errorf("%q, %v", o.Applied, o.Failure)
	}
	// Looked at from elsewhere: a session that is asked whether it lives is at
	// work for that instant, and what is at work is spared.
	admin := open(t, "admin", "postgres")
	eventually(t, "the session is gone", func() bool {
		var n int
		if err := admin.QueryRow(t.Context(), "select count(*) from pg_stat_activity where pid = $1", first.PgConn().PID()).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
}

// cutAt is the port of a way to the server that ends with the answer to what
// has the text in it, which nobody gets. It does not end before: who loses a
// connection asks the server to cancel, and that may come before the statement.
func cutAt(t *testing.T, text string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go through(client, text)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func through(client net.Conn, text string) {
	defer client.Close()
	to, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return
	}
	defer to.Close()
	var cut atomic.Bool
	go func() {
		defer client.Close()
		answer := make([]byte, 64<<10)
		for {
			n, err := to.Read(answer)
			if err != nil || cut.Load() {
				return
			}
			if _, err := client.Write(answer[:n]); err != nil {
				return
			}
		}
	}()
	said := make([]byte, 64<<10)
	for {
		n, err := client.Read(said)
		if err != nil {
			return
		}
		if bytes.Contains(said[:n], []byte(text)) {
			cut.Store(true)
		}
		if _, err := to.Write(said[:n]); err != nil {
			return
		}
	}
}
