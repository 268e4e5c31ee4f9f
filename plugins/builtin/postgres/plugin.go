// Package postgres is the built-in plugin that serves the database capability
// for a PostgreSQL server: who holds its connection slots, in what state, and
// who blocks whom; and what can be done about it. It reads catalogs only, over
// one connection per database that it keeps open, because none can be had once
// the slots are gone. What changes something goes over another such
// connection, of another login.
//
// Its section of firebreak.yaml:
//
//	database:
//	  plugin: postgres
//	  read: {secret: "env:API_READ_DSN"}    # a login with pg_monitor
//	  mutate: {secret: "env:API_ADMIN_DSN"} # optional; for changes only
//	  spare: [flyway]                       # applications that are never ended
package postgres

import (
	"encoding/json"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
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
    "read": {"type": ["string", "object"], "description": "connection string of a login with pg_monitor; write {secret: ...}"},
    "mutate": {"type": ["string", "object"], "description": "connection string of a login that may make changes, on the same server and database; needed by them only; write {secret: ...}"},
    "spare": {"type": "array", "items": {"type": "string", "minLength": 1}, "description": "names of applications whose sessions are never cancelled or ended, such as flyway; a name stands for all that begin with it"}
  }
}`

// Describe implements plugins.Plugin.
func (plugin) Describe() plugins.Description {
	return plugins.Description{
		Name:    "postgres",
		Version: "1.1.0",
		Config:  map[string]json.RawMessage{"database": json.RawMessage(sectionSchema)},
		Actions: capability.Named(actions...),
	}
}

// Bind implements plugins.Plugin. It starts to connect in the background.
func (plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	c, err := parseSection(b)
	if err != nil {
		return nil, err
	}
	return newBound(b.Access, c), nil
}
