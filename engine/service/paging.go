package service

import (
	"cmp"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Paging is how firebreak wakes people, over PagerDuty's Events API v2.
type Paging struct {
	RoutingKey string            // reference to the secret of the integration
	URL        string            // empty: PagerDuty's own
	Roles      map[string]string // references to the secrets of other integrations, by role
	Heartbeat  *Heartbeat        // nil: there is none
}

// Heartbeat is how firebreak tells somebody else that it is there.
type Heartbeat struct {
	URL   string // reference to the secret that is the address
	Every time.Duration
}

// beatEvery is how often it does when nobody says.
const beatEvery = time.Minute

func (r *reader) paging(f runbook.Fields) {
	f, ok := r.within(f, "paging", pagingShape)
	if !ok {
		return
	}
	p := &Paging{RoutingKey: r.reference(f, "routing_key"), URL: f.Text("url"), Roles: map[string]string{}}
	for _, e := range f.Entries("roles") {
		p.Roles[e.Name] = r.referenceAt(e.Node, "role "+e.Name+" of paging")
	}
	if f, ok := r.within(f, "heartbeat", heartbeatShape); ok {
		p.Heartbeat = &Heartbeat{URL: r.reference(f, "url"), Every: cmp.Or(r.span(f, "every"), beatEvery)}
	}
	r.cfg.Paging = p
}
