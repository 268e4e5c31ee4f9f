package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func TestIdleServer(t *testing.T) {
	out := read(t, bindWarm(t, "monitor"))
	if want := fmt.Sprintf("postgres:127.0.0.1:%d/appdb", port); out.Resource != want {
		t.Errorf("resource %q, want %q", out.Resource, want)
	}
	if out.Limits.Max != maxConnections || out.Limits.Superuser != superuserSlots || out.Limits.Reserved != 0 || out.Limits.PendingRestart {
		t.Errorf("limits %+v", out.Limits)
	}
	if out.Free != maxConnections-superuserSlots-out.Used || out.Used < 1 {
		t.Errorf("used %d, free %d", out.Used, out.Free)
	}
	if !out.Connect.OK || out.Connect.MS <= 0 {
		t.Errorf("connect %+v", out.Connect)
	}
	if since := out.ObservedAt.Sub(out.StartedAt); since <= 0 || since > 10*time.Minute {
		t.Errorf("started %s before it was read", since)
	}
}

func TestAllSlotsTaken(t *testing.T) {
	b := bindWarm(t, "monitor")
	taken := takeSlots(t)

	out := read(t, b)
	if out.Free != 0 {
		t.Errorf("free %d, want 0", out.Free)
	}
	if out.Connect.OK || out.Connect.SQLState != "53300" || !strings.Contains(out.Connect.Text, "reserved") {
		t.Errorf("connect %+v, want the server's 53300", out.Connect)
	}
	if len(out.Clients) == 0 || out.Clients[0].User != "app" || out.Clients[0].Application != "api" || out.Clients[0].Count != taken {
		t.Errorf("clients %+v, want api with %d first", out.Clients, taken)
	}
	if s := state(out, "idle"); s == nil || s.Count != taken {
		t.Errorf("states %+v, want %d idle", out.States, taken)
	}
}

// TestAllSlotsTakenAndNoWarmConnection holds that the cold path says what the
// server said.
func TestAllSlotsTakenAndNoWarmConnection(t *testing.T) {
	needServer(t)
	takeSlots(t)
	b := bind(t, "monitor")
	outcome := run(t, b, `{}`)
	if outcome.Failure == nil || outcome.Failure.Class != plugins.Unavailable || !strings.Contains(outcome.Failure.Reason, "53300") {
		t.Errorf("failure %+v, want unavailable with 53300", outcome.Failure)
	}
}

func TestColdPathAsSuperuser(t *testing.T) {
	needServer(t)
	taken := takeSlots(t)
	b := bind(t, "admin")
	b.(*bound).warm.stop() // never to come
	out := read(t, b)
	if out.Free != 0 || state(out, "idle").Count != taken || !out.Connect.OK {
		t.Errorf("free %d, states %+v, connect %+v", out.Free, out.States, out.Connect)
	}
}

// TestWarmConnectionLost holds that a reading survives the loss of the warm
// connection, and that a new one is opened.
func TestWarmConnectionLost(t *testing.T) {
	b := bindWarm(t, "monitor")
	admin := open(t, "admin", "appdb")
	do(t, admin, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '"+applicationName+"'")
	if out := read(t, b); out.Used < 1 {
		t.Errorf("used %d", out.Used)
	}
	waitWarm(t, b)
}

func TestIdleInTransaction(t *testing.T) {
	b := bindWarm(t, "monitor")
	app := open(t, "app", "appdb")
	do(t, app, "begin")
	do(t, app, "select 1")
	admin := open(t, "admin", "postgres")
	eventually(t, "the transaction is old", func() bool {
		var old bool
		err := admin.QueryRow(t.Context(), "select bool_or(state_change < clock_timestamp() - interval '2.1 s') from pg_stat_activity where state = 'idle in transaction'").Scan(&old)
		return err == nil && old
	})
	out := read(t, b)
	s := state(out, idleInTransaction)
	if s == nil || s.Count != 1 || s.Frozen != 1 || s.OldestS < 2 || s.P50S != s.OldestS {
		t.Errorf("states %+v, want one frozen idle in transaction of more than 2 s", out.States)
	}
}

// TestLockConvoy holds that the root, who does nothing, and the statement
// queued behind it are both in the tree, the root first.
func TestLockConvoy(t *testing.T) {
	b := bindWarm(t, "monitor")
	t.Cleanup(func() { cleanUp(t, "drop table if exists orders") })
	app := open(t, "app", "appdb")
	do(t, app, "create table orders (id int)")
	do(t, app, "begin")
	do(t, app, "select * from orders where id = 4711")
	background(t, "alter table orders add column secret text default 'hunter2'")
	untilBlocked(t, 1)
	background(t, "select * from orders where id = 42")
	background(t, "select * from orders where id = 43")
	untilBlocked(t, 3)

	out := read(t, b)
	if len(out.Blocking) != 4 {
		t.Fatalf("blocking %+v, want 4 sessions", out.Blocking)
	}
	root, ddl := out.Blocking[0], out.Blocking[1]
	if root.Blocks != 3 || len(root.BlockedBy) != 0 || root.State != idleInTransaction || root.Kind != "read" || root.XactAgeS == nil || root.BackendStart.IsZero() {
		t.Errorf("root %+v", root)
	}
	if ddl.Kind != "ddl" || ddl.Blocks != 2 || len(ddl.BlockedBy) != 1 || ddl.BlockedBy[0] != root.Pid {
		t.Errorf("second %+v", ddl)
	}
	for _, s := range out.Blocking {
		if strings.Contains(s.Query, "4711") || strings.Contains(s.Query, "hunter2") || strings.Contains(s.Query, "42") {
			t.Errorf("query %q shows a literal", s.Query)
		}
	}
	if len(out.Waits) == 0 || out.Waits[0] != (capability.Wait{Type: "Lock", Event: "relation", Count: 3}) {
		t.Errorf("waits %+v", out.Waits)
	}
}

func TestPreparedTransaction(t *testing.T) {
	b := bindWarm(t, "monitor")
	t.Cleanup(func() { cleanUp(t, "drop table if exists stock") })
	app := open(t, "app", "appdb")
	do(t, app, "create table stock (id int primary key, n int)")
	do(t, app, "insert into stock values (1, 1)")
	do(t, app, "begin")
	do(t, app, "update stock set n = n + 1")
	do(t, app, "prepare transaction 'order-7'")
	t.Cleanup(func() { cleanUp(t, "rollback prepared 'order-7'") })
	background(t, "update stock set n = 0")
	untilBlocked(t, 1)

	out := read(t, b)
	if len(out.Prepared) != 1 || out.Prepared[0].GID != "order-7" || out.Prepared[0].Owner != "app" || out.Prepared[0].AgeS <= 0 {
		t.Errorf("prepared %+v", out.Prepared)
	}
	if len(out.Blocking) != 1 || len(out.Blocking[0].BlockedBy) != 1 || out.Blocking[0].BlockedBy[0] != 0 {
		t.Errorf("blocking %+v, want one behind pid 0", out.Blocking)
	}
}

func TestLimitsOfRoleAndDatabase(t *testing.T) {
	b := bindWarm(t, "monitor")
	admin := open(t, "admin", "postgres")
	do(t, admin, "alter role app connection limit 7")
	do(t, admin, "alter database appdb connection limit 9")
	t.Cleanup(func() {
		cleanUp(t, "alter role app connection limit -1")
		cleanUp(t, "alter database appdb connection limit -1")
	})
	open(t, "app", "appdb")
	open(t, "app", "appdb")
	out := read(t, b)
	if out.Limits.Role == nil || *out.Limits.Role != 7 || out.Limits.Database == nil || *out.Limits.Database != 9 {
		t.Errorf("limits %+v of %+v", out.Limits, out.Clients)
	}
}

func TestPendingRestart(t *testing.T) {
	b := bindWarm(t, "monitor")
	admin := open(t, "admin", "postgres")
	do(t, admin, "alter system set max_connections = 60")
	t.Cleanup(func() {
		cleanUp(t, "alter system reset max_connections")
		cleanUp(t, "select pg_reload_conf()")
	})
	do(t, admin, "select pg_reload_conf()")
	eventually(t, "the server says that a restart is pending", func() bool {
		out := read(t, b)
		if out.Limits.Max != maxConnections {
			t.Fatalf("max %d changed without a restart", out.Limits.Max)
		}
		return out.Limits.PendingRestart
	})
}

func TestRowsCap(t *testing.T) {
	b := bindWarm(t, "monitor")
	open(t, "app", "appdb")
	open(t, "nosy", "postgres")
	outcome := run(t, b, `{"rows":1}`)
	if outcome.Failure != nil {
		t.Fatal(outcome.Failure)
	}
	var out capability.ConnectionsOutput
	if err := json.Unmarshal(outcome.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Clients) != 1 || out.Used < 3 {
		t.Errorf("clients %+v of %d", out.Clients, out.Used)
	}
}

func TestRowsPerCommit(t *testing.T) {
	before := &throughput{commits: 100, rows: 1000}
	if v := (throughput{commits: 110, rows: 1500}).rowsPerCommit(before); v == nil || *v != 50 {
		t.Errorf("rows per commit %v, want 50", v)
	}
	if v := (throughput{commits: 100, rows: 1500}).rowsPerCommit(before); v != nil {
		t.Errorf("without commits %v", *v)
	}
	if v := (throughput{commits: 5, rows: 5}).rowsPerCommit(before); v != nil {
		t.Errorf("after a reset of the statistics %v", *v)
	}
	if v := (throughput{commits: 5, rows: 5}).rowsPerCommit(nil); v != nil {
		t.Errorf("without history %v", *v)
	}
}

// TestSessionIsHarmless holds what is promised of our own sessions.
func TestSessionIsHarmless(t *testing.T) {
	b := bindWarm(t, "admin").(*bound)
	err := b.warm.do(t.Context(), func(ctx context.Context, s *session) error {
		for name, want := range map[string]string{
			"application_name": applicationName, "statement_timeout": "1s", "lock_timeout": "100ms", "transaction_read_only": "on",
		} {
			var have string
			if err := s.conn.QueryRow(ctx, "select current_setting($1)", name).Scan(&have); err != nil {
				return err
			}
			if have != want {
				t.Errorf("%s is %q, want %q", name, have, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestHealth(t *testing.T) {
	if err := bindWarm(t, "monitor").Health(t.Context()); err != nil {
		t.Error(err)
	}
	nowhere, err := New().Bind(binding(`{"read":"postgres://x@127.0.0.1:1/appdb"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer nowhere.Close()
	if err := nowhere.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("health of nothing: %v", err)
	}
}

func TestStopEndsTheCall(t *testing.T) {
	b, err := New().Bind(binding(`{"read":"postgres://x@127.0.0.1:1/appdb"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	stop := make(chan struct{})
	close(stop)
	outcome := b.Run(t.Context(), plugins.Call{Action: actionConnections, Stop: stop}, discard{})
	if outcome.Failure == nil || outcome.Applied != plugins.None {
		t.Errorf("outcome %+v", outcome)
	}
}

// takeSlots opens connections as the application until the server refuses one.
func takeSlots(t *testing.T) int {
	t.Helper()
	// Sessions of tests before this one may still be on their way out.
	admin := open(t, "admin", "postgres")
	eventually(t, "the server is empty", func() bool {
		var n int
		err := admin.QueryRow(t.Context(), "select count(*) from pg_stat_activity where backend_type = 'client backend' and application_name = 'api'").Scan(&n)
		return err == nil && n == 0
	})
	for n := 0; ; n++ {
		conn, err := pgx.Connect(t.Context(), dsn("app", "appdb", port)+"&application_name=api")
		if err != nil {
			if n < 3 {
				t.Fatalf("only %d connections: %v", n, err)
			}
			return n
		}
		t.Cleanup(func() { closeNow(conn) })
	}
}

// background runs a statement that will be blocked, until the test ends.
func background(t *testing.T, sql string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	conn := open(t, "app", "appdb")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = conn.Exec(ctx, sql) // ends with the test, as an error
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func untilBlocked(t *testing.T, want int) {
	t.Helper()
	admin := open(t, "admin", "postgres")
	defer closeNow(admin)
	eventually(t, fmt.Sprintf("%d sessions are blocked", want), func() bool {
		var n int
		err := admin.QueryRow(t.Context(), "select count(*) from pg_stat_activity where wait_event_type = 'Lock'").Scan(&n)
		return err == nil && n == want
	})
}

// cleanUp puts back what a test did, after the test's context has ended.
func cleanUp(t *testing.T, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn("admin", "appdb", port)+"&lock_timeout=3s")
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}

func state(out capability.ConnectionsOutput, name string) *capability.SessionState {
	for _, s := range out.States {
		if s.State == name {
			return &s
		}
	}
	return nil
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		<-tick.C
	}
}
