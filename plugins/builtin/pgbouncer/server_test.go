package pgbouncer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
	"github.com/firebreak-ops/firebreak/plugins/plugintest/daemons"
)

const (
	poolSize   = 4
	maxClients = 30
	conf       = "default_pool_size = 4\nmax_client_conn = 30\nreserve_pool_size = 1\nreserve_pool_timeout = 600\n"
)

// server and pooler are what the tests share; nil where they are not
// installed.
var server, pooler *daemons.Daemon

// patient is the plugin that has the time that a busy machine takes.
func patient() plugin {
	return plugin{[]string{"attend"}, limits{answer: 2 * time.Minute, try: time.Minute, arm: time.Minute}}
}

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "attend" { // a child of one of them
		if err := attend(os.Stdin, os.Stdout, patient().within); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "mute" { // an attendant that is never ready
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	if handshake := plugins.Handshake(); os.Getenv(handshake.MagicCookieKey) != "" {
		plugintest.Main(m, patient()) // a child of the conformance test
		return
	}
	runtime.LockOSThread() // the servers die with the thread that started them
	err := startServers()
	if err != nil {
		fmt.Fprintln(os.Stderr, "PgBouncer:", err)
	}
	code := 1
	if err == nil || errors.Is(err, exec.ErrNotFound) {
		code = m.Run()
	}
	pooler.Stop()
	server.Stop()
	os.Exit(code)
}

func startServers() (err error) {
	if server, err = daemons.Postgres("max_connections = 40"); err != nil {
		return err
	}
	if err = server.Exec("postgres", "create role app login", "create database appdb owner app"); err != nil {
		return err
	}
	pooler, err = daemons.PgBouncer(server, conf)
	return err
}

// needPooler skips, visibly, where there is no PgBouncer. It waits for the end
// of all clients of the tests before: a test counts them.
func needPooler(t *testing.T) {
	t.Helper()
	if pooler == nil {
		t.Skip("no PgBouncer and PostgreSQL on this machine (Debian's packages pgbouncer and postgresql): nothing was tested")
	}
	conn, err := pgconn.Connect(t.Context(), pooler.DSN("monitor", consoleDatabase))
	if err != nil {
		t.Fatal(err)
	}
	defer daemons.CloseFully(t, conn)
	eventually(t, "the clients of the tests before are gone", func() bool {
		clients, err := show(t.Context(), conn, "CLIENTS")
		if err != nil {
			t.Fatal(err)
		}
		return len(clients) == 1
	})
}

// reset puts the configuration back to what conf says.
func reset(t *testing.T) {
	t.Helper()
	if err := pooler.Write(daemons.PgBouncerFile, pooler.PgBouncerConf(server, conf)); err != nil {
		t.Fatal(err)
	}
	admin(t, "RELOAD")
	if paused(t, "appdb") {
		admin(t, "RESUME appdb")
	}
}

// paused says whether the clients of a database have to wait.
func paused(t *testing.T, database string) bool {
	t.Helper()
	conn, err := pgconn.Connect(context.Background(), pooler.DSN("monitor", consoleDatabase))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	is, err := isPaused(context.Background(), conn, database)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// admin sends one command to the console, without the plugin.
func admin(t *testing.T, command string) {
	t.Helper()
	conn, err := pgconn.Connect(context.Background(), pooler.DSN("admin", consoleDatabase))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), command).ReadAll(); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}

// setting reads one setting, without the plugin.
func setting(t *testing.T, key string) string {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), pooler.DSN("monitor", consoleDatabase))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	config, err := configOf(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return config[key]
}

func logins(read, mutate string) json.RawMessage {
	s := map[string]string{"read": pooler.DSN(read, consoleDatabase)}
	if mutate != "" {
		s["mutate"] = pooler.DSN(mutate, consoleDatabase)
	}
	raw, _ := json.Marshal(s)
	return raw
}

func bind(t *testing.T, access plugins.Effect, config json.RawMessage) *bound {
	t.Helper()
	b, err := patient().Bind(plugins.Binding{Service: "api", Capability: "pooler", Access: access, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b.(*bound)
}

func status(t *testing.T, b *bound) capability.PoolerOutput {
	t.Helper()
	o := b.Run(t.Context(), plugins.Call{ID: "1", Action: actionStatus}, nil)
	if o.Failure != nil {
		t.Fatal(o.Failure)
	}
	var out capability.PoolerOutput
	if err := json.Unmarshal(o.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// connect opens a client of the pooler until the test ends.
func connect(t *testing.T, database string) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), pooler.DSN("app", database)+"&application_name=api")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
	return conn
}

// hold takes a server connection, and keeps it in a transaction.
func hold(t *testing.T, database string) {
	t.Helper()
	if _, err := connect(t, database).Exec(t.Context(), "begin").ReadAll(); err != nil {
		t.Fatal(err)
	}
}

// queue has a client wait for a server connection.
func queue(t *testing.T, database string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	conn := connect(t, database)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = conn.Exec(ctx, "select 1").ReadAll() // it ends with the test
	}()
	t.Cleanup(func() { cancel(); <-done })
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
