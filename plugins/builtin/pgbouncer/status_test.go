package pgbouncer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// TestPoolTooSmall is a pool whose server connections are all held while
// clients wait and the server has room.
func TestPoolTooSmall(t *testing.T) {
	needPooler(t)
	b := bind(t, plugins.Read, logins("monitor", ""))
	eventually(t, "nothing waits", func() bool { p := pool(status(t, b), "appdb"); return p == nil || p.Waiting+p.Active == 0 })
	for range poolSize {
		hold(t, "appdb")
	}
	queue(t, "appdb")
	queue(t, "appdb")
	var out capability.PoolerOutput
	eventually(t, "two wait", func() bool { out = status(t, b); return pool(out, "appdb").Waiting == 2 })

	p := *pool(out, "appdb")
	if out.Pools[0].Database != "appdb" || p.User != "app" || p.Mode != "transaction" || p.Size != poolSize || p.Reserve != 1 {
		t.Errorf("pool %+v", p)
	}
	if p.ServersActive != poolSize || p.ServersIdle != 0 || p.Active != poolSize || p.MaxWaitS < 0 || p.OldestRequestS == nil || p.Paused || p.Disabled {
		t.Errorf("pool %+v", p)
	}
	if want := fmt.Sprintf("127.0.0.1:%d/appdb", server.Port); p.Server != want {
		t.Errorf("server %q, want %q", p.Server, want)
	}
	if out.Servers != poolSize || out.Used < poolSize+2 || out.Used+out.Free != maxClients {
		t.Errorf("servers %d, used %d, free %d", out.Servers, out.Used, out.Free)
	}
	want := capability.PoolerClient{User: "app", Application: "api", Address: "127.0.0.1", Database: "appdb", Count: poolSize + 2, Waiting: 2}
	if len(out.Clients) != 1 || out.Clients[0] != want {
		t.Errorf("clients %+v, want %+v", out.Clients, want)
	}
	l := out.Limits
	if l.PoolSize != poolSize || l.MaxClients != maxClients || l.ReserveSize != 1 || l.MaxServers != nil || l.Mode != "transaction" || l.QueryWaitS == nil || *l.QueryWaitS != 120 {
		t.Errorf("limits %+v", l)
	}
	if !strings.HasPrefix(out.Version, "1.") || out.Resource != fmt.Sprintf("pgbouncer:127.0.0.1:%d", pooler.Port) {
		t.Errorf("version %q of %q", out.Version, out.Resource)
	}
}

// TestMaxClientConn holds that both logins of the console are answered when no
// client can connect any more, over a connection kept open and over a fresh
// one.
func TestMaxClientConn(t *testing.T) {
	needPooler(t)
	warm := bind(t, plugins.Read, logins("monitor", ""))
	status(t, warm)
	for n := 0; ; n++ {
		conn, err := pgconn.Connect(t.Context(), pooler.DSN("app", "appdb"))
		if err == nil {
			t.Cleanup(func() { _ = conn.Close(t.Context()) })
			continue
		}
		var pg *pgconn.PgError
		if n < 5 || !errors.As(err, &pg) || pg.Code != "08P01" || !strings.Contains(pg.Message, "max_client_conn") {
			t.Fatalf("client %d: %v", n, err)
		}
		break
	}
	if out := status(t, warm); out.Free != 0 || out.Used < maxClients {
		t.Errorf("used %d, free %d", out.Used, out.Free)
	}
	if out := status(t, bind(t, plugins.Read, logins("admin", ""))); out.Free != 0 {
		t.Errorf("a fresh connection of an admin: free %d", out.Free)
	}
}

// TestConsoleLost holds that a reading survives the loss of its connection.
func TestConsoleLost(t *testing.T) {
	needPooler(t)
	b := bind(t, plugins.Read, logins("monitor", ""))
	status(t, b)
	if err := b.console.taken(t.Context(), func() error { return b.console.conn.Conn().Close() }); err != nil {
		t.Fatal(err)
	}
	status(t, b)
}

func TestUnreachable(t *testing.T) {
	b := bind(t, plugins.Read, []byte(`{"read":"postgres://monitor@127.0.0.1:1/pgbouncer"}`))
	o := b.Run(t.Context(), plugins.Call{Action: actionStatus}, nil)
	if o.Failure == nil || o.Failure.Class != plugins.Unavailable || !strings.Contains(o.Failure.Reason, "127.0.0.1:1") {
		t.Errorf("%+v", o.Failure)
	}
	if err := b.Health(t.Context()); err == nil {
		t.Error("it is well")
	}
}

func TestDenied(t *testing.T) {
	needPooler(t)
	b := bind(t, plugins.Read, logins("app", ""))
	o := b.Run(t.Context(), plugins.Call{Action: actionStatus}, nil)
	if o.Failure == nil || o.Failure.Class != plugins.Denied || !strings.Contains(o.Failure.Reason, "stats_users") {
		t.Errorf("%+v", o.Failure)
	}
}

func TestBindRefuses(t *testing.T) {
	for _, c := range []struct {
		access        plugins.Effect
		config, names string
	}{
		{plugins.Read, `{}`, "read"},
		{plugins.Read, `{"reed":"x"}`, "reed"},
		{plugins.Read, `{"read":"postgres://u:hunter2@host:notaport/pgbouncer"}`, "read"},
		{plugins.Read, `{"read":"postgres://u@host:6432/appdb"}`, "pgbouncer"},
		{plugins.Mutate, `{"read":"postgres://u@host:6432/pgbouncer"}`, "mutate"},
		{plugins.Mutate, `{"read":"postgres://u@host:6432/pgbouncer","mutate":"postgres://u@other:6432/pgbouncer"}`, "other"},
	} {
		_, err := New().Bind(plugins.Binding{Service: "api", Capability: "pooler", Access: c.access, Config: []byte(c.config)})
		var f *plugins.Failure
		if !errors.As(err, &f) || f.Class != plugins.Invalid || !strings.Contains(f.Reason, c.names) {
			t.Errorf("%s: %v, want class invalid naming %q", c.config, err, c.names)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// TestPast compares the last seconds with what was before clients waited.
func TestPast(t *testing.T) {
	start := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	var p past
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	total := sample{}
	for s := 0; s <= 60; s += 2 {
		total.at = at(s)
		total.transactions += 200
		total.queries += 400
		total.queryS += 4
		total.transactionS += 8
		if s > 40 {
			total.waiting = 7
			total.waitS += 100
			total.queryS += 100 // which count from when the client asked
			total.transactionS += 100
		}
		p = p.with(total)
	}
	now, baseline, onset := p.figures()
	if onset == nil || !onset.Equal(at(42)) {
		t.Fatalf("onset %v, want %v", onset, at(42))
	}
	if now == nil || now.TransactionsRPS != 100 || now.QueriesRPS != 200 || *now.QueryS != 0.01 || *now.TransactionS != 0.04 || *now.WaitS != 0.5 || !now.From.Equal(at(50)) {
		t.Errorf("now %+v", now)
	}
	if baseline == nil || *baseline.WaitS != 0 || !baseline.From.Equal(start) || !baseline.To.Equal(at(40)) {
		t.Errorf("baseline %+v", baseline)
	}

	total.waiting = 0
	total.at = at(62)
	if _, baseline, onset := p.with(total).figures(); onset != nil || baseline == nil || !baseline.To.Equal(at(50)) {
		t.Errorf("nothing waits: onset %v, baseline %+v", onset, baseline)
	}
	if now, baseline, _ := p.with(sample{at: at(62)}).figures(); now != nil || baseline != nil {
		t.Errorf("after a restart: now %+v, baseline %+v", now, baseline)
	}
	total.at = at(3600)
	if q := p.with(total); len(q) != 1 {
		t.Errorf("an hour later %d samples are kept", len(q))
	}
	if _, _, onset := (past{{at: start, waiting: 1}, {at: at(2), waiting: 1}}).figures(); onset != nil {
		t.Errorf("the onset was before the history, and is said to be %v", onset)
	}
}

func TestTimes(t *testing.T) {
	for text, known := range map[string]bool{"2026-11-27 07:32:16 UTC": true, "2026-11-27 07:32:16 XYZ": false, "": false} {
		if _, ok := (row{"at": text}).time("at"); ok != known {
			t.Errorf("%q is known: %v", text, ok)
		}
	}
}

func pool(out capability.PoolerOutput, database string) *capability.PoolerPool {
	for _, p := range out.Pools {
		if p.Database == database {
			return &p
		}
	}
	return nil
}
