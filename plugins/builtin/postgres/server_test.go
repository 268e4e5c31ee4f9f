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

// needServer skips, visibly, where there is no PostgreSQL.
func needServer(t *testing.T) {
	t.Helper()
	if port == 0 {
		t.Skip("no PostgreSQL binaries on PATH or in /usr/lib/postgresql: nothing was tested")
	}
}

// open connects as the user until the test ends.
func open(t *testing.T, user, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn(user, database, port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(conn) })
	return conn
}

func do(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
