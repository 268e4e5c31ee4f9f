package pgbouncer

import (
	"bytes"
	"encoding/json"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
)

// consoleDatabase is the database that is PgBouncer's console.
const consoleDatabase = "pgbouncer"

// section is this plugin's part of firebreak.yaml, secrets resolved.
type section struct {
	Plugin string `json:"plugin"`
	Read   string `json:"read"`
	Mutate string `json:"mutate"`
}

// login is how the console is reached.
type login struct {
	*pgconn.Config

	text string // the connection string
}

// parseSection returns how to reach the console with the access that is
// bound.
func parseSection(b plugins.Binding) (*login, error) {
	if b.Capability != "pooler" {
		return nil, plugins.Fail(plugins.Invalid, "capability %q is not one of plugin pgbouncer, which serves pooler", b.Capability)
	}
	var s section
	dec := json.NewDecoder(bytes.NewReader(b.Config))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return nil, plugins.Fail(plugins.Invalid, "section pooler of service %s: %v; known keys are plugin, read, mutate", b.Service, err)
	}
	read, err := parseDSN(b.Service, "read", s.Read)
	if err != nil || b.Access == plugins.Read {
		return read, err
	}
	mutate, err := parseDSN(b.Service, "mutate", s.Mutate)
	if err == nil && identity(mutate.Config) != identity(read.Config) {
		return nil, plugins.Fail(plugins.Invalid, "section pooler of service %s: mutate leads to %s and read to %s; what is looked at must be what is changed", b.Service, identity(mutate.Config), identity(read.Config))
	}
	return mutate, err
}

func parseDSN(service, key, text string) (*login, error) {
	if text == "" {
		return nil, plugins.Fail(plugins.Invalid, "section pooler of service %s: %s is missing: it is the connection string of PgBouncer's console, such as {secret: \"env:PGB_DSN\"}", service, key)
	}
	c, err := pgconn.ParseConfig(text)
	if err != nil {
		// The library's text may quote the string, and with it a password.
		return nil, plugins.Fail(plugins.Invalid, "section pooler of service %s: %s is no connection string (it is not shown, since it may hold a password); write postgres://user@host:6432/pgbouncer", service, key)
	}
	if c.Database != consoleDatabase {
		return nil, plugins.Fail(plugins.Invalid, "section pooler of service %s: %s names the database %q; PgBouncer's console is the database %s", service, key, c.Database, consoleDatabase)
	}
	c.RuntimeParams = map[string]string{"application_name": "firebreak"}
	c.DialFunc = (&net.Dialer{KeepAlive: 10 * time.Second}).DialContext
	return &login{c, text}, nil
}

func identity(c *pgconn.Config) string {
	return "pgbouncer:" + net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
}
