// Package pgbouncer is the built-in plugin that serves the pooler capability
// for PgBouncer, over its console: what waits there, for which limit, and how
// those limits are changed while it runs. The console answers when no client
// can connect any more; one connection to it is kept open all the same, which
// is also how there is a past to compare with.
//
// It never pauses a pool: a client of the console that is lost leaves the
// pool paused, every query hanging, until somebody says RESUME, and nobody
// can promise to be there to say it.
//
// Its section of firebreak.yaml:
//
//	pooler:
//	  plugin: pgbouncer
//	  read: {secret: "env:PGB_READ_DSN"}    # one of stats_users, database pgbouncer
//	  mutate: {secret: "env:PGB_ADMIN_DSN"} # one of admin_users; for changes only
package pgbouncer

import (
	"encoding/json"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	actionReload = "pooler.reload"
	actionResize = "pooler.resize"
	actionStatus = "pooler.status"
)

// New returns the plugin.
func New() plugins.Plugin { return plugin{} }

type plugin struct{}

const sectionSchema = `{
  "type": "object",
  "additionalProperties": false,
  "required": ["read"],
  "properties": {
    "plugin": {"type": "string"},
    "read": {"type": ["string", "object"], "description": "connection string of the console (its database is pgbouncer) for one of stats_users; write {secret: ...}"},
    "mutate": {"type": ["string", "object"], "description": "the same for one of admin_users; needed by pooler.resize and pooler.reload only; write {secret: ...}"}
  }
}`

// Describe implements plugins.Plugin.
func (plugin) Describe() plugins.Description {
	d := plugins.Description{
		Name:    "pgbouncer",
		Version: "1.0.0",
		Config:  map[string]json.RawMessage{"pooler": json.RawMessage(sectionSchema)},
	}
	for _, name := range []string{actionReload, actionResize, actionStatus} {
		if a, ok := capability.Lookup(name); ok {
			d.Actions = append(d.Actions, a)
		}
	}
	return d
}

// Bind implements plugins.Plugin. It starts to connect in the background.
func (plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	c, err := parseSection(b)
	if err != nil {
		return nil, err
	}
	return newBound(b.Access, c), nil
}
