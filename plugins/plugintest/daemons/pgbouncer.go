package daemons

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgconn"
)

// PgBouncerFile is the name of PgBouncer's configuration in its directory.
const PgBouncerFile = "pgbouncer.ini"

// PgBouncer starts a PgBouncer in front of the database appdb of server. It
// believes logins that it knows: admin of admin_users, monitor of stats_users,
// and app. conf is added to its configuration. The error is exec.ErrNotFound
// where there is no PgBouncer.
func PgBouncer(server *Daemon, conf string) (*Daemon, error) {
	program, err := find("pgbouncer", "/usr/sbin")
	if err != nil {
		return nil, err
	}
	d, err := prepare()
	if err != nil {
		return d, err
	}
	if err := d.Write("users", `"admin" ""`+"\n"+`"monitor" ""`+"\n"+`"app" ""`+"\n"); err != nil {
		return d, err
	}
	if err := d.Write(PgBouncerFile, d.PgBouncerConf(server, conf)); err != nil {
		return d, err
	}
	ready := func(ctx context.Context) error {
		conn, err := pgconn.Connect(ctx, d.DSN("admin", "pgbouncer"))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	}
	return d, d.start(ready, program, PgBouncerFile)
}

// PgBouncerConf is the whole configuration that conf makes.
func (d *Daemon) PgBouncerConf(server *Daemon, conf string) string {
	return fmt.Sprintf(`[databases]
appdb = host=127.0.0.1 port=%d dbname=appdb
reports = host=127.0.0.1 port=%d dbname=appdb pool_size=3
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
admin_users = admin
stats_users = monitor
pool_mode = transaction
%s
`, server.Port, server.Port, d.Port, filepath.Join(d.Dir, "users"), conf)
}
