package conformance

import (
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// backlog.status: the oldest has an age where there is one.
func backlogStatus(s *suite, t T, r Read, out capability.BacklogOutput) {
	s.observed(t, r.Service, r.Action, out.Observed)
	if out.Waiting < 0 || out.OldestS != nil && *out.OldestS < 0 {
		t.Errorf("%d wait, the oldest for %v s", out.Waiting, out.OldestS)
	}
	if out.Waiting > 0 && out.OldestS == nil {
		t.Errorf("%d wait, and none is the oldest", out.Waiting)
	}
}

// backlog.shed of everything: nothing that waited then waits any more.
func backlogShed(s *suite, t T, m Mutation, _ plugins.Plan, done plugins.Outcome) {
	out := decoded[capability.ShedOutput](t, done.Outputs)
	s.observed(t, m.Service, m.Action, out.Observed)
	if out.Cancelled < 0 || out.Refused < 0 {
		t.Errorf("%d were cancelled and %d refused", out.Cancelled, out.Refused)
	}
	if !s.offers(t, "backlog.status") {
		return
	}
	if now := look[capability.BacklogOutput](s, t, m.Service, "backlog.status", nil); now.Waiting > 0 && !now.Shedding {
		t.Errorf("after shedding %d wait, and nothing is refused", now.Waiting)
	}
}
