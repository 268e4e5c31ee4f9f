// Package redis is the built-in plugin that serves the backlog capability for
// a queue in Redis: a list, or a stream with or without a consumer group. It
// sheds by moving what waits to another key, in one step each, so that nothing
// is lost and people can bring it back. It cannot refuse what producers send.
//
// Its section of firebreak.yaml:
//
//	backlog:
//	  plugin: redis
//	  read: {secret: "env:QUEUE_READ_URL"}    # redis://user:password@host:6379/0
//	  mutate: {secret: "env:QUEUE_ADMIN_URL"} # optional; for backlog.shed only
//	  list: jobs
//	  time: created_at
package redis

import (
	"encoding/json"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	actionShed   = "backlog.shed"
	actionStatus = "backlog.status"
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
    "read": {"type": ["string", "object"], "description": "address of a login that may read, such as redis://host:6379/0 with user and password before the host, or rediss:// with TLS; write {secret: ...}"},
    "mutate": {"type": ["string", "object"], "description": "the same of a login that may move what waits; needed by backlog.shed only; write {secret: ...}"},
    "list": {"type": "string", "minLength": 1, "description": "key of the list that is the queue; one of list and stream is needed"},
    "oldest": {"type": "string", "enum": ["tail", "head"], "default": "tail", "description": "the end of the list from which consumers take"},
    "time": {"type": "string", "minLength": 1, "description": "where an element of the list, which is a JSON object, says when it was queued: keys joined by dots; RFC 3339, or seconds or milliseconds since 1970; needed with list"},
    "stream": {"type": "string", "minLength": 1, "description": "key of the stream that is the queue"},
    "group": {"type": "string", "minLength": 1, "description": "consumer group of the stream: what was delivered to it does not wait any more; everything in the stream waits if left out"},
    "shed_to": {"type": "string", "minLength": 1, "description": "key to which backlog.shed moves what waits, of the same kind; the queue's own with :shed behind it if left out"},
    "most": {"type": "integer", "minimum": 1, "default": 10000, "description": "no more than so many are moved by one backlog.shed"}
  }
}`

// Describe implements plugins.Plugin.
func (plugin) Describe() plugins.Description {
	return plugins.Description{
		Name:    "redis",
		Version: "1.0.0",
		Config:  map[string]json.RawMessage{"backlog": json.RawMessage(sectionSchema)},
		Actions: capability.Named(actionShed, actionStatus),
	}
}

// Bind implements plugins.Plugin. It connects when it is first asked.
func (plugin) Bind(b plugins.Binding) (plugins.Bound, error) {
	s, options, err := parseSection(b)
	if err != nil {
		return nil, err
	}
	return newBound(b.Access, s, options), nil
}
