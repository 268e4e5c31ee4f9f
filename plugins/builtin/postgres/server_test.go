package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

const (
	maxConnections = 12
	superuserSlots = 3
)

// port of the server that the tests share; 0 when there is no PostgreSQL.
var port int

func TestMain(m *testing.M) {
	if handshake := plugins.Handshake(); os.Getenv(handshake.MagicCookieKey) != "" {
		plugintest.Main(m, New()) // a child of the conformance test
		return
	}
	// The server dies with the thread that started it, so the thread must
	// live as long as the tests.
	runtime.LockOSThread()
	stop, err := startServer()
	if err != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL:", err)
		if !errors.Is(err, exec.ErrNotFound) {
			os.Exit(1)
		}
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

func startServer() (stop func(), err error) {
	stop = func() {}
	bin, err := findBinaries()
	if err != nil {
		return stop, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return stop, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Getuid() == 0 {
		u, err := user.Lookup("nobody")
		if err != nil {
			return remove, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			return remove, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "admin", "-A", "trust", "-N", "--no-instructions")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return remove, fmt.Errorf("initdb: %w: %s", err, out)
	}
	// In the file, so that a test can change it: the command line outranks it.
	if err := appendTo(filepath.Join(data, "postgresql.conf"), fmt.Sprintf("max_connections = %d\n", maxConnections)); err != nil {
		return remove, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return remove, err
	}
	p := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(p), "-k", dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "autovacuum=off", "-c", "max_prepared_transactions=5",
		"-c", fmt.Sprintf("superuser_reserved_connections=%d", superuserSlots))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return remove, err
	}
	server.SysProcAttr, server.Dir, server.Stdout, server.Stderr = attr, dir, log, log
	if err := server.Start(); err != nil {
		return remove, err
	}
	stop = func() {
		_ = server.Process.Signal(syscall.SIGINT)
		_ = server.Wait()
		remove()
	}
	if err := prepareServer(p); err != nil {
		words, _ := os.ReadFile(log.Name())
		return stop, fmt.Errorf("%w: %s", err, words)
	}
	port = p
	return stop, nil
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func findBinaries() (string, error) {
	if p, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(p), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return "", exec.ErrNotFound
	}
	return slices.Max(found), nil
}

func prepareServer(p int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var conn *pgx.Conn
	var err error
	for conn == nil { // the server is not ours to signal when it is up
		if conn, err = pgx.Connect(ctx, dsn("admin", "postgres", p)); err != nil {
			if ctx.Err() != nil {
				return err
			}
			runtime.Gosched()
		}
	}
	defer conn.Close(ctx)
	for _, sql := range []string{
		"create role monitor login in role pg_monitor",
		"create role app login",
		"create role nosy login",
		"create database appdb owner app",
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
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
