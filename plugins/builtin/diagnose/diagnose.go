package diagnose

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	// leastTop is the confidence that a cause needs to be named. Below it,
	// unknown is the honest answer, and beats a wrong one.
	leastTop = 0.5
	// leastListed is the confidence below which a cause is not worth a line.
	leastListed = 0.1
)

// Connections ranks the causes of what the inputs show. It is a pure function.
func Connections(in capability.DiagnoseInput) capability.DiagnoseOutput {
	v := newView(in)
	out := capability.DiagnoseOutput{
		Arithmetic:   arithmeticOf(v),
		NotSaturated: v.notSaturated(),
		Saturated:    v.saturated(),
		Missing:      missing(in),
		AsOf:         asOf(in),
	}
	not := map[capability.Cause]string{}
	if v.trouble() {
		for _, cause := range causes {
			c := cause.judge(v)
			switch f := c.finding(v, cause); {
			case c.ruledOut != "":
				not[cause.id] = c.ruledOut
			case f.Confidence < leastListed:
				not[cause.id] = "next to nothing speaks for it"
			default:
				out.Findings = append(out.Findings, f)
			}
		}
	}
	slices.SortStableFunc(out.Findings, func(a, b capability.Finding) int { return cmp.Compare(b.Confidence, a.Confidence) })
	for i := range out.Findings {
		f := &out.Findings[i]
		f.Rank = i + 1
		f.RuledOut = ruledOut(f.Cause, not)
	}
	if len(out.Findings) > 0 && out.Findings[0].Confidence >= leastTop {
		out.Top = out.Findings[0]
		out.Margin = out.Top.Confidence
		if len(out.Findings) > 1 {
			out.Margin = math.Round(100*(out.Top.Confidence-out.Findings[1].Confidence)) / 100
		}
	} else {
		out.Top = unknown(v, ruledOut(capability.UnknownCause, not), out.Findings)
	}
	out.Layer = out.Top.Layer
	return out
}

// ruledOut lists what it is not: first what the cause is easily taken for.
func ruledOut(id capability.Cause, not map[capability.Cause]string) []capability.RuledOut {
	var out []capability.RuledOut
	listed := map[capability.Cause]bool{}
	add := func(c capability.Cause) {
		if because := not[c]; because != "" && !listed[c] {
			listed[c] = true
			out = append(out, capability.RuledOut{Cause: c, Because: because})
		}
	}
	for _, c := range causes {
		if c.id == id {
			for _, u := range c.unlike {
				add(u.cause)
			}
		}
	}
	for _, c := range causes {
		add(c.id)
	}
	return out
}

// missing names the inputs that were null. A pooler is missed only where one
// was asked: most services have none.
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
	if in.Pooler != nil {
		newest(in.Pooler.Observed)
	}
	if in.Changes != nil {
		newest(in.Changes.Observed)
	}
	return t
}
