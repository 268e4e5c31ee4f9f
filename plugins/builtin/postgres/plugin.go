// Package postgres is the built-in plugin that answers database.connections
// for a PostgreSQL server: who holds its connection slots, in what state, and
// who blocks whom. It reads catalogs only, over one connection per database
// that it keeps open, because none can be had once the slots are gone.
//
// Its section of firebreak.yaml:
//
//	database:
//	  plugin: postgres
//	  read: {secret: "env:API_READ_DSN"}    # a login with pg_monitor
//	  mutate: {secret: "env:API_ADMIN_DSN"} # optional; not used by reads
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
    "mutate": {"type": ["string", "object"], "description": "connection string for actions that change something, of which the built-in has none; write {secret: ...}"}
  }
}`

// Describe implements plugins.Plugin.
func (plugin) Describe() plugins.Description {
	connections, _ := capability.Lookup(actionConnections)
	return plugins.Description{
		Name:    "postgres",
		Version: "1.0.0",
		Actions: []plugins.Action{connections},
		Config:  map[string]json.RawMessage{"database": json.RawMessage(sectionSchema)},
	}
}

// Bind implements plugins.Plugin. It starts to connect in the background.
func (plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	c, err := parseSection(b)
	if err != nil {
		return nil, err
	}
	return newBound(c), nil
}
