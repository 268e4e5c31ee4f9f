package service

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// Supply is where runbooks may come from.
type Supply struct {
	Committed bool     // only what is exactly as in a commit
	Paths     []string // only from below these, absolute; empty: from anywhere
	Pos       Pos
}

func (r *reader) supply(n *yaml.Node) {
	s := &Supply{Pos: posOf(n)}
	var require string
	r.object(n, "runbooks", fields{
		"require": func(n *yaml.Node) {
			r.text("require of runbooks", &require)(n)
			if require != "" && require != "committed" {
				r.addf(posOf(n), "unknown-kind", "write committed, or remove the key", "runbooks cannot be required to be %.80q", require)
			}
		},
		"paths": r.names("paths of runbooks", &s.Paths, func(path string, at Pos) {
			if !strings.HasPrefix(path, "/") {
				r.addf(at, "bad-path", "write the path from / on", "runbooks cannot be found below %.80q wherever firebreak is started", path)
			}
		}),
	})
	s.Committed = require != ""
	r.cfg.Runbooks = s
}
