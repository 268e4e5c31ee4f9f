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

// These are how our sessions are known on the server. They are left out of
// the counts of the application's sessions, and never ended.
const (
	applicationName = "firebreak-diag"
	actingName      = "firebreak-act"
)

func isOurs(application string) bool {
	return application == applicationName || application == actingName
}

// section is this plugin's part of firebreak.yaml, secrets resolved.
type section struct {
	Plugin string   `json:"plugin"`
	Read   string   `json:"read"`
	Mutate string   `json:"mutate"`
	Spare  []string `json:"spare"`
}

// target is a section, understood.
type target struct {
	config *pgx.ConnConfig
	spare  []string
}

func parseSection(b plugins.Binding) (target, error) {
	if b.Capability != "database" {
		return target{}, plugins.Fail(plugins.Invalid, "capability %q is not one of plugin postgres, which serves database", b.Capability)
	}
	var s section
	dec := json.NewDecoder(bytes.NewReader(b.Config))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return target{}, plugins.Fail(plugins.Invalid, "section database of service %s: %v; known keys are plugin, read, mutate, spare", b.Service, err)
	}
	read, err := parseDSN(b.Service, "read", "a login with pg_monitor", s.Read)
	if err != nil {
		return target{}, err
	}
	if b.Access == plugins.Read {
		harden(read)
		return target{config: read}, nil
	}
	mutate, err := parseDSN(b.Service, "mutate", "a login that may make changes", s.Mutate)
	if err != nil {
		return target{}, err
	}
	if identity(mutate) != identity(read) {
		return target{}, plugins.Fail(plugins.Invalid, "section database of service %s: mutate leads to %s and read to %s; what is looked at must be what is changed", b.Service, identity(mutate), identity(read))
	}
	restrain(mutate)
	return target{config: mutate, spare: s.Spare}, nil
}

func parseDSN(service, key, of, text string) (*pgx.ConnConfig, error) {
	if text == "" {
		return nil, plugins.Fail(plugins.Invalid, "section database of service %s: %s is missing: it is the connection string of %s, such as {secret: \"env:API_DSN\"}", service, key, of)
	}
	c, err := pgx.ParseConfig(text)
	if err != nil {
		// The library's text may quote the string, and with it a password.
		return nil, plugins.Fail(plugins.Invalid, "section database of service %s: %s is no connection string (it is not shown, since it may hold a password); write postgres://user@host:port/database", service, key)
	}
	c.DialFunc = (&net.Dialer{KeepAlive: 10 * time.Second}).DialContext
	// One round trip for a whole bundle, and nothing prepared on the server.
	c.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
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
}

// restrain has a session that may write give up early, too.
func restrain(c *pgx.ConnConfig) {
	c.RuntimeParams["application_name"] = actingName
	c.RuntimeParams["statement_timeout"] = "2000"
	c.RuntimeParams["lock_timeout"] = "1000"
	c.RuntimeParams["default_transaction_read_only"] = "off"
	c.RuntimeParams["standard_conforming_strings"] = "on" // as literal quotes them
}

func identity(c *pgx.ConnConfig) string {
	return "postgres:" + net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database
}
