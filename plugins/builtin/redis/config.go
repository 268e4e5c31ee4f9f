package redis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

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

func parseSection(b plugins.Binding) (section, *redis.Options, error) {
	var s section
	refuse := func(format string, args ...any) (section, *redis.Options, error) {
		return s, nil, plugins.Fail(plugins.Invalid, "section backlog of service "+b.Service+": "+format, args...)
	}
	if b.Capability != "backlog" {
		return s, nil, plugins.Fail(plugins.Invalid, "capability %q is not one of plugin redis, which serves backlog", b.Capability)
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
	if mutate.Addr != read.Addr || mutate.DB != read.DB {
		return refuse("mutate leads to %s/%d and read to %s/%d; what is looked at must be what is changed", mutate.Addr, mutate.DB, read.Addr, read.DB)
	}
	return s, mutate, nil
}

func parseURL(text string) (*redis.Options, error) {
	if text == "" {
		return nil, fmt.Errorf("is missing: it is an address such as redis://user:password@host:6379/0; write {secret: \"env:QUEUE_URL\"}")
	}
	o, err := redis.ParseURL(text)
	if err != nil {
		// The library's text may quote the address, and with it a password.
		return nil, fmt.Errorf("is no address (it is not shown, since it may hold a password); write redis://user:password@host:6379/0")
	}
	o.ClientName, o.DisableIdentity, o.Protocol = "firebreak", true, 2
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = time.Second, time.Second, time.Second
	o.MaxRetries = -1 // what moves something is not sent twice on a guess
	o.PoolSize, o.MinIdleConns = 4, 0
	return o, nil
}
