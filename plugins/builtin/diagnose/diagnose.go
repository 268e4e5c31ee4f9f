package diagnose

import (
	"cmp"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// leastTop is the confidence that a cause needs to be named. Below it,
// unknown is the honest answer, and beats a wrong one.
const leastTop = 0.5

// causes are judged in this order; it matters only between equals.
var causes = []func(*view) *claim{
	judgeMaxConnections,
	judgeLockBlocking,
	judgeIdleInTransaction,
	judgeConnectionLeak,
	judgeSlowQuery,
	judgeAppPool,
	judgeTrafficSpike,
}

// connections ranks the causes of what the inputs show.
func connections(in capability.DiagnoseInput) capability.DiagnoseOutput {
	v := newView(in)
	out := capability.DiagnoseOutput{
		Arithmetic:   arithmeticOf(v),
		NotSaturated: v.notSaturated(),
		Saturated:    v.saturated(),
		Missing:      missing(in),
		AsOf:         asOf(in),
	}
	var ruledOut []capability.RuledOut
	if v.trouble() {
		for _, judge := range causes {
			c := judge(v)
			if c.ruledOut != "" {
				ruledOut = append(ruledOut, capability.RuledOut{Cause: c.cause, Because: c.ruledOut})
				continue
			}
			out.Findings = append(out.Findings, c.finding(v))
		}
	}
	slices.SortStableFunc(out.Findings, func(a, b capability.Finding) int { return cmp.Compare(b.Confidence, a.Confidence) })
	for i := range out.Findings {
		out.Findings[i].Rank = i + 1
		out.Findings[i].RuledOut = ruledOut
	}
	if len(out.Findings) > 0 && out.Findings[0].Confidence >= leastTop {
		out.Top = out.Findings[0]
	} else {
		out.Top = unknown(v, ruledOut, out.Findings)
	}
	out.Layer = v.layer(out.Top.Cause)
	return out
}

func missing(in capability.DiagnoseInput) []string {
	var out []string
	if in.Pool == nil {
		out = append(out, "pool")
	}
	if in.Database == nil {
		out = append(out, "database")
	}
	if in.Changes == nil {
		out = append(out, "changes")
	}
	return out
}

func asOf(in capability.DiagnoseInput) time.Time {
	var t time.Time
	newest := func(o capability.Observed) {
		if o.ObservedAt.After(t) {
			t = o.ObservedAt
		}
	}
	if in.Pool != nil {
		newest(in.Pool.Observed)
	}
	if in.Database != nil {
		newest(in.Database.Observed)
	}
	if in.Changes != nil {
		newest(in.Changes.Observed)
	}
	return t
}
