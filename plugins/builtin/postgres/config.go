package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
)

// applicationName is how our sessions are known on the server; they are left
// out of the counts of the application's sessions.
const applicationName = "firebreak-diag"

// section is this plugin's part of firebreak.yaml, secrets resolved.
type section struct {
	Plugin string `json:"plugin"`
	Read   string `json:"read"`
	Mutate string `json:"mutate"`
}

func parseSection(b plugins.Binding) (*pgx.ConnConfig, error) {
	if b.Capability != "database" {
		return nil, plugins.Fail(plugins.Invalid, "capability %q is not one of plugin postgres, which serves database", b.Capability)
	}
	var s section
	dec := json.NewDecoder(bytes.NewReader(b.Config))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return nil, plugins.Fail(plugins.Invalid, "section database of service %s: %v; known keys are plugin, read, mutate", b.Service, err)
	}
	if s.Read == "" {
		return nil, plugins.Fail(plugins.Invalid, "section database of service %s: read is missing: it is the connection string of a login with pg_monitor, such as {secret: \"env:API_READ_DSN\"}", b.Service)
	}
	c, err := pgx.ParseConfig(s.Read)
	if err != nil {
		// The library's text may quote the string, and with it a password.
		return nil, plugins.Fail(plugins.Invalid, "section database of service %s: read is no connection string (it is not shown, since it may hold a password); write postgres://user@host:port/database", b.Service)
	}
	harden(c)
	return c, nil
}

// harden makes a session harmless: it gives up early, takes no part in a
// queue for locks, and cannot write.
func harden(c *pgx.ConnConfig) {
	c.RuntimeParams["application_name"] = applicationName
	c.RuntimeParams["statement_timeout"] = "1000"
	c.RuntimeParams["lock_timeout"] = "100"
	// Set here and not as a parameter, so that the server's own default can
	// still be read.
	c.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		_, err := conn.Exec(ctx, "set default_transaction_read_only = on").ReadAll()
		return err
	}
	// One round trip for a whole bundle, and nothing prepared on the server.
	c.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	c.DialFunc = (&net.Dialer{KeepAlive: 10 * time.Second}).DialContext
}

func identity(c *pgx.ConnConfig) string {
	return "postgres:" + net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database
}
