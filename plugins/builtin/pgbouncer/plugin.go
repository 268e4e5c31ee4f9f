// Package pgbouncer is the built-in plugin that serves the pooler capability
// for PgBouncer, over its console: what waits there, for which limit, and how
// those limits are changed while it runs. The console answers when no client
// can connect any more; one connection to it is kept open all the same, which
// is also how there is a past to compare with.
//
// A client of the console that is lost leaves what it paused paused, every query
// hanging, until somebody says RESUME. So a pause has an attendant: a process
// that is there before it begins, and ends it when its time is over or this one
// is gone. See attendant.go.
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
	actionPause  = "pooler.pause"
	actionReload = "pooler.reload"
	actionResize = "pooler.resize"
	actionResume = "pooler.resume"
	actionStatus = "pooler.status"
)

// New returns the plugin. attend are the arguments with which the program that
// it is in calls [Attend].
func New(attend ...string) plugins.Plugin { return plugin{attend, usualLimits()} }

type plugin struct {
	attend []string
	within limits
}

const sectionSchema = `{
  "type": "object",
  "additionalProperties": false,
  "required": ["read"],
  "properties": {
    "plugin": {"type": "string"},
    "read": {"type": ["string", "object"], "description": "connection string of the console (its database is pgbouncer) for one of stats_users; write {secret: ...}"},
    "mutate": {"type": ["string", "object"], "description": "the same for one of admin_users; needed for changes only; write {secret: ...}"}
  }
}`

// Describe implements plugins.Plugin.
func (plugin) Describe() plugins.Description {
	return plugins.Description{
		Name:    "pgbouncer",
		Version: "1.0.0",
		Config:  map[string]json.RawMessage{"pooler": json.RawMessage(sectionSchema)},
		Actions: capability.Named(actionPause, actionReload, actionResize, actionResume, actionStatus),
	}
}

// Bind implements plugins.Plugin. It starts to connect in the background.
func (p plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	c, err := parseSection(b)
	if err != nil {
		return nil, err
	}
	return newBound(b.Access, c, p), nil
}
