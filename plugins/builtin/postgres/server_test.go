package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
	"github.com/firebreak-ops/firebreak/plugins/plugintest/daemons"
)

const (
	maxConnections = 12
	superuserSlots = 3
	openSlots      = maxConnections - superuserSlots // for everybody
)

// server is what the tests share, and port its port; 0 when there is no
// PostgreSQL.
var (
	server *daemons.Daemon
	port   int
)

func TestMain(m *testing.M) {
	if handshake := plugins.Handshake(); os.Getenv(handshake.MagicCookieKey) != "" {
		plugintest.Main(m, New()) // a child of the conformance test
		return
	}
	runtime.LockOSThread() // the server dies with the thread that started it
	code := 1
	err := startServer()
	if err != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL:", err)
	}
	if err == nil || errors.Is(err, exec.ErrNotFound) {
		code = m.Run()
	}
	server.Stop()
	os.Exit(code)
}

func startServer() (err error) {
	server, err = daemons.Postgres(fmt.Sprintf("max_connections = %d\nsuperuser_reserved_connections = %d\nautovacuum = off\nmax_prepared_transactions = 5", maxConnections, superuserSlots))
	if err != nil {
		return err
	}
	port = server.Port
	return server.Exec("postgres",
		"create role monitor login in role pg_monitor",
		"create role app login",
		"create role batch login",
		"create role fixer login createrole in role pg_monitor, pg_signal_backend",
		"create role nosy login",
		"create database appdb owner app",
	)
}

func dsn(user, database string, p int) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", user, p, database)
}

// alone is the test that has waited until it has the server to itself.
var alone *testing.T

// needServer skips, visibly, where there is no PostgreSQL. A test's first call
// waits for the end of all sessions of the tests before it: it counts sessions,
// and chooses among them.
func needServer(t *testing.T) {
	t.Helper()
	if port == 0 {
		t.Skip("no PostgreSQL binaries on PATH or in /usr/lib/postgresql: nothing was tested")
	}
	if alone == t {
		return
	}
	alone = t
	conn, err := pgx.Connect(t.Context(), dsn("admin", "postgres", port))
	if err != nil {
		t.Fatal(err)
	}
	defer daemons.CloseFully(t, conn.PgConn())
	eventually(t, "the sessions of the tests before are gone", func() bool { return clients(t, conn) == 1 })
}

// clients counts the sessions that there are, that of conn among them.
func clients(t *testing.T, conn *pgx.Conn) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "select count(*) from pg_stat_activity where backend_type = 'client backend'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// open connects as the user until the test ends.
func open(t *testing.T, user, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn(user, database, port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { daemons.CloseFully(t, conn.PgConn()) })
	return conn
}

func do(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
