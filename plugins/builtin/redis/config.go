package redis

import (
	"bytes"
	"encoding/json"

	"github.com/firebreak-ops/firebreak/plugins"
)

const defaultMost = 10000

// section is this plugin's part of firebreak.yaml, secrets resolved.
type section struct {
	Plugin string `json:"plugin"`
	Read   string `json:"read"`
	Mutate string `json:"mutate"`
	List   string `json:"list"`
	Oldest string `json:"oldest"`
	Time   string `json:"time"`
	Stream string `json:"stream"`
	Group  string `json:"group"`
	ShedTo string `json:"shed_to"`
	Most   int    `json:"most"`
}

// key is the queue's.
func (s section) key() string { return s.List + s.Stream }

func parseSection(b plugins.Binding) (section, server, error) {
	var s section
	refuse := func(format string, args ...any) (section, server, error) {
		return s, server{}, plugins.Fail(plugins.Invalid, "section backlog of service "+b.Service+": "+format, args...)
	}
	if b.Capability != "backlog" {
		return s, server{}, plugins.Fail(plugins.Invalid, "capability %q is not one of plugin redis, which serves backlog", b.Capability)
	}
	dec := json.NewDecoder(bytes.NewReader(b.Config))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return refuse("%v; known keys are plugin, read, mutate, list, oldest, time, stream, group, shed_to, most", err)
	}
	switch {
	case (s.List == "") == (s.Stream == ""):
		return refuse("one of list and stream is needed: the key of the queue")
	case s.List != "" && s.Time == "":
		return refuse("time is missing: say where an element of the list has the time at which it was queued")
	case s.List != "" && s.Group != "":
		return refuse("group belongs to a stream, and says nothing of a list")
	case s.Stream != "" && (s.Time != "" || s.Oldest != ""):
		return refuse("time and oldest belong to a list; the entries of a stream have their time in their ids")
	}
	if s.ShedTo == "" {
		s.ShedTo = s.key() + ":shed"
	}
	if s.ShedTo == s.key() {
		return refuse("shed_to is the queue itself")
	}
	if s.Most == 0 {
		s.Most = defaultMost
	}
	read, err := parseURL(s.Read)
	if err != nil {
		return refuse("read %v", err)
	}
	if b.Access == plugins.Read {
		return s, read, nil
	}
	mutate, err := parseURL(s.Mutate)
	if err != nil {
		return refuse("mutate %v", err)
	}
	if mutate.address != read.address || mutate.database != read.database {
		return refuse("mutate leads to %s/%d and read to %s/%d; what is looked at must be what is changed", mutate.address, mutate.database, read.address, read.database)
	}
	return s, mutate, nil
}
