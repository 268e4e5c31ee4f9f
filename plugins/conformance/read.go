package conformance

import (
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// read: the action succeeds, with outputs that its schema accepts.
func (s *suite) read(t T, read Read) {
	ctx := patient(t)
	outcome := s.host.Run(ctx, host.Call{ID: t.Name(), Service: read.Service, Action: read.Action, Input: read.Input}, nil)
	switch {
	case read.Class != "" && (outcome.Failure == nil || outcome.Failure.Class != read.Class):
		t.Fatalf("failure %+v; want one of class %s", outcome.Failure, read.Class)
	case read.Class == "" && outcome.Failure != nil:
		t.Fatalf("%s: %s", outcome.Failure.Class, outcome.Failure.Reason)
	}
	if judge := reads[read.Action]; judge != nil && read.Class == "" {
		judge(s, t, read, outcome.Outputs)
	}
	if read.Check != nil {
		read.Check(t, outcome.Outputs)
	}
}
