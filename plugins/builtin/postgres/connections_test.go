package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/plugintest/daemons"
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
	if !out.Connect.OK || out.Connect.MS <= 0 || out.Connect.UsualMS == nil || *out.Connect.UsualMS <= 0 {
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
	if c := out.Clients[0]; c.Database != "appdb" || c.Address != "127.0.0.1" || c.Limit != nil || c.Young > c.Count || c.Frozen > c.Count {
		t.Errorf("client %+v", c)
	}
	if b := out.Backends; b.Young > taken || b.OldestS <= 0 || b.P50S > b.OldestS {
		t.Errorf("backends %+v", b)
	}
}

// TestReconnectStorm holds that the warm connection is answered while others
// are refused by the hundred.
func TestReconnectStorm(t *testing.T) {
	b := bindWarm(t, "monitor")
	ctx, cancel := context.WithCancel(t.Context())
	var held, refused atomic.Int64
	var storm sync.WaitGroup
	for range 2 * maxConnections {
		storm.Go(func() {
			var conns []*pgx.Conn
			for ctx.Err() == nil {
				conn, err := pgx.Connect(ctx, dsn("app", "appdb", port))
				if err != nil {
					refused.Add(1)
					continue
				}
				held.Add(1)
				conns = append(conns, conn)
			}
			for _, conn := range conns {
				daemons.CloseFully(t, conn.PgConn()) //nolint:contextcheck // it is closed when ctx has ended, too
			}
		})
	}
	t.Cleanup(func() { cancel(); storm.Wait() })
	// Many are refused before all have a slot who can: each that is on its way in takes one.
	eventually(t, "many are refused, and no slot is left", func() bool { return refused.Load() > 100 && held.Load() >= openSlots-1 })
	for range 10 {
		if out := read(t, b); out.Free != 0 || out.Connect.OK {
			t.Errorf("free %d, connect %+v", out.Free, out.Connect)
		}
	}
}

// TestRunning groups what sessions are at, without the values in it.
func TestRunning(t *testing.T) {
	b := bindWarm(t, "monitor")
	for _, secret := range []string{"1001", "1002"} {
		background(t, "select pg_sleep(600), "+secret)
	}
	var out capability.ConnectionsOutput
	eventually(t, "two sleep", func() bool { out = read(t, b); return len(out.Running) == 1 && out.Running[0].Count == 2 })
	if r := out.Running[0]; r.Kind != "read" || r.Query != "select pg_sleep(?), ?" || r.OldestS <= 0 {
		t.Errorf("running %+v", r)
	}
	if out.XIDAge <= 0 || out.XIDLimit != 200_000_000 {
		t.Errorf("transaction ids are %d old, of %d", out.XIDAge, out.XIDLimit)
	}
}

func TestReadOnly(t *testing.T) {
	if out := read(t, bindWarm(t, "monitor")); out.ReadOnly || out.Recovery {
		t.Errorf("read-only %v, in recovery %v", out.ReadOnly, out.Recovery)
	}
	admin := open(t, "admin", "postgres")
	do(t, admin, "alter database appdb set default_transaction_read_only = on")
	t.Cleanup(func() {
		if err := server.Exec("postgres", "alter database appdb reset default_transaction_read_only"); err != nil {
			t.Error(err)
		}
	})
	if out := read(t, bindWarm(t, "monitor")); !out.ReadOnly || out.Recovery {
		t.Errorf("read-only %v, in recovery %v", out.ReadOnly, out.Recovery)
	}
}

// TestStandby reads a server that is in recovery.
func TestStandby(t *testing.T) {
	needServer(t)
	standby, err := daemons.Postgres("")
	t.Cleanup(standby.Stop)
	if err != nil {
		t.Fatal(err)
	}
	if err := standby.Restart(func() error { return standby.Write("data/standby.signal", "") }); err != nil {
		t.Fatal(err)
	}
	b, err := New().Bind(binding(fmt.Sprintf(`{"read":%q}`, standby.DSN("admin", "postgres"))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if out := read(t, b); !out.Recovery || !out.ReadOnly {
		t.Errorf("read-only %v, in recovery %v", out.ReadOnly, out.Recovery)
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
	outcome = run(t, b, `{"refusal":true}`)
	var out capability.ConnectionsOutput
	if err := json.Unmarshal(outcome.Outputs, &out); err != nil || outcome.Failure != nil {
		t.Fatalf("%v, failure %+v", err, outcome.Failure)
	}
	if !out.Unread || out.Connect.OK || out.Connect.SQLState != "53300" || out.Used != 0 || out.Resource != b.Resource() {
		t.Errorf("output %+v, want how it was refused, and nothing else", out)
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
	if out.Prepared[0].Blocks != 1 {
		t.Errorf("prepared %+v, want one that waits for it", out.Prepared)
	}
	if len(out.Blocking) != 1 || out.Blocking[0].User != "app" || len(out.Blocking[0].BlockedBy) != 1 || out.Blocking[0].BlockedBy[0] != 0 {
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
	if c := out.Clients[0]; c.User != "app" || c.Limit == nil || *c.Limit != 7 {
		t.Errorf("clients %+v", out.Clients)
	}
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

// takeSlots opens connections as the application until the server refuses one,
// and has no slot left: one that is on its way out may hold one yet.
func takeSlots(t *testing.T) (taken int) {
	t.Helper()
	admin := open(t, "admin", "postgres")
	eventually(t, "every slot is taken", func() bool {
		for {
			conn, err := pgx.Connect(t.Context(), dsn("app", "appdb", port)+"&application_name=api")
			if err != nil {
				return clients(t, admin) >= openSlots
			}
			taken++
			t.Cleanup(func() { daemons.CloseFully(t, conn.PgConn()) })
		}
	})
	if taken < 3 {
		t.Fatalf("only %d connections", taken)
	}
	return taken
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
	defer daemons.CloseFully(t, admin.PgConn())
	eventually(t, fmt.Sprintf("%d sessions are blocked", want), func() bool {
		var n int
		err := admin.QueryRow(t.Context(), "select count(*) from pg_stat_activity where wait_event_type = 'Lock'").Scan(&n)
		return err == nil && n == want
	})
}

// cleanUp puts back what a test did, after the test's context has ended.
func cleanUp(t *testing.T, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn("admin", "appdb", port)+"&lock_timeout=30s")
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
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		<-tick.C
	}
}
