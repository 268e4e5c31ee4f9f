package daemons

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// Postgres starts a PostgreSQL server whose superuser is admin, and which
// believes everybody. conf is added to postgresql.conf, where ALTER SYSTEM
// outranks it. The error is exec.ErrNotFound where there is no PostgreSQL.
func Postgres(conf string) (*Daemon, error) {
	server, err := find("postgres", "/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil, err
	}
	d, err := prepare()
	if err != nil {
		return d, err
	}
	data := filepath.Join(d.Dir, "data")
	initdb, err := d.command(filepath.Join(filepath.Dir(server), "initdb"), "-D", data, "-U", "admin", "-A", "trust", "-N")
	if err != nil {
		return d, err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return d, fmt.Errorf("initdb: %w: %s", err, out)
	}
	f, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return d, err
	}
	_, err = fmt.Fprintf(f, "listen_addresses = '127.0.0.1'\nfsync = off\n%s\n", conf)
	if errClose := f.Close(); err == nil {
		err = errClose
	}
	if err != nil {
		return d, err
	}
	return d, d.startPostgres(server, data)
}

// Standby starts a standby that follows a server of Postgres, and is read as it
// is; pg_promote makes it take writes.
func Standby(primary *Daemon) (*Daemon, error) {
	server, err := find("postgres", "/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil, err
	}
	d, err := prepare()
	if err != nil {
		return d, err
	}
	data := filepath.Join(d.Dir, "data")
	home, err := filepath.EvalSymlinks(server)
	if err != nil {
		return d, err
	}
	copied, err := d.command(filepath.Join(filepath.Dir(home), "pg_basebackup"), "-D", data, "-d", primary.DSN("admin", "postgres"), "-R", "-c", "fast", "-N")
	if err != nil {
		return d, err
	}
	if out, err := copied.CombinedOutput(); err != nil {
		return d, fmt.Errorf("pg_basebackup: %w: %s", err, out)
	}
	return d, d.startPostgres(server, data)
}

func (d *Daemon) startPostgres(server, data string) error {
	ready := func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, d.DSN("admin", "postgres"))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	}
	return d.start(ready, server, "-D", data, "-p", strconv.Itoa(d.Port), "-k", d.Dir)
}

// DSN is the connection string of a login.
func (d *Daemon) DSN(user, database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", user, d.Port, database)
}

// Exec runs statements, each by itself, as admin.
func (d *Daemon) Exec(database string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	conn, err := pgx.Connect(ctx, d.DSN("admin", database))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}
