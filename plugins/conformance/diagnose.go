package conformance

import (
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// diagnose.connections: the most probable first, each with evidence for it,
// and what was not looked at is said to be missing.
func diagnoseConnections(_ *suite, t T, r Read, out capability.DiagnoseOutput) {
	for i, finding := range out.Findings {
		if finding.Rank != i+1 {
			t.Errorf("finding %d has rank %d", i+1, finding.Rank)
		}
		share(t, "confidence", &finding.Confidence)
		if i > 0 && finding.Confidence > out.Findings[i-1].Confidence {
			t.Errorf("%s, less probable than %s, is more so: %v", finding.Cause, out.Findings[i-1].Cause, finding.Confidence)
		}
		supported := false
		for _, evidence := range finding.Evidence {
			supported = supported || evidence.Supports
		}
		if !supported {
			t.Errorf("nothing supports %s", finding.Cause)
		}
	}
	if len(out.Findings) > 0 && out.Top.Cause != out.Findings[0].Cause {
		t.Errorf("the top is %s, and the first finding %s", out.Top.Cause, out.Findings[0].Cause)
	}
	in := decoded[capability.DiagnoseInput](t, r.Input)
	missing := map[string]bool{}
	for _, name := range out.Missing {
		missing[name] = true
	}
	for name, absent := range map[string]bool{"pool": in.Pool == nil, "database": in.Database == nil, "changes": in.Changes == nil} {
		if missing[name] != absent {
			t.Errorf("%s was not given: %v, and is said to be missing: %v", name, absent, missing[name])
		}
	}
}
