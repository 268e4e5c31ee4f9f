package diagnose

import (
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// unknown says what is used up and what was ruled out, when no cause explains
// it well enough.
func unknown(v *view, ruledOut []capability.RuledOut, weaker []capability.Finding) capability.Finding {
	f := capability.Finding{
		Cause: capability.UnknownCause, RuledOut: ruledOut, Layer: v.layer(),
		Text: "Nothing that was read explains it well enough to name a cause.",
	}
	if !v.trouble() {
		f.Chain = []string{"nothing is saturated and nobody waits"}
		f.Text = "There is nothing to explain."
		if !v.pool && !v.database && !v.pooler.present {
			f.Chain = []string{"neither the pool nor the database could be read"}
			f.Text = "Nothing can be said: nothing could be read."
		}
		return f
	}
	if s := v.saturated(); s != nil {
		f.Chain = append(f.Chain, fmt.Sprintf("%s %d/%d", s.What, s.Used, s.Max))
	}
	if v.database {
		for _, p := range v.in.Database.Prepared {
			f.Chain = append(f.Chain, fmt.Sprintf("prepared transaction %s, %s old", p.GID, seconds(p.AgeS)))
		}
		if c := v.in.Database.Connect; !c.OK && c.Text != "" {
			f.Chain = append(f.Chain, "a fresh connection fails: "+c.Text)
		}
	}
	if v.pooler.paused() {
		f.Chain = append(f.Chain, fmt.Sprintf("the pooler's database %s is paused or disabled", v.pooler.busiest.Database))
	}
	if w := v.heldUp(); w != nil {
		f.Chain = append(f.Chain, fmt.Sprintf("%d sessions wait for %s %s", w.Count, w.Type, w.Event))
	}
	if v.meetsRefusals() {
		f.Chain = append(f.Chain, v.errorsMet(slices.Concat(slotErrors, poolerErrors, socketErrors, dialErrors)).observed)
	}
	f.Chain = append(f.Chain, v.symptoms()...)
	for _, w := range weaker {
		f.Chain = append(f.Chain, fmt.Sprintf("may be %s (%.2f)", w.Cause, w.Confidence))
	}
	return f
}
