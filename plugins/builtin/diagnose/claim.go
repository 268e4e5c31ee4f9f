package diagnose

import (
	"fmt"
	"math"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// The sources of evidence.
const (
	metrics  = "metrics"
	database = "database"
	changes  = "changes"
)

const (
	// mostConfidence: nothing is certain.
	mostConfidence = 0.97
	// mostOfOneSource is less than what may act unasked: one source can be
	// wrong by itself.
	mostOfOneSource = 0.85
	// mostOfChange: that something was changed before is not why.
	mostOfChange = 0.7
)

// claim is one cause, and what speaks for and against it.
type claim struct {
	cause    capability.Cause
	ruledOut string // why it is not the cause; empty when it may be
	variant  string
	change   *capability.Change
	weight   float64
	chain    []string
	evidence []capability.Evidence
	actions  []capability.Remedy
}

func notBecause(cause capability.Cause, format string, args ...any) *claim {
	return &claim{cause: cause, ruledOut: fmt.Sprintf(format, args...)}
}

// observation is a piece of evidence, and how to see it again.
type observation struct {
	source, query, observed, expected string
	at                                *time.Time
}

// speaksFor adds evidence that makes the cause more probable by weight.
func (c *claim) speaksFor(weight float64, o observation) { c.add(weight, true, o) }

// speaksAgainst adds evidence that makes the cause less probable by weight.
func (c *claim) speaksAgainst(weight float64, o observation) { c.add(-weight, false, o) }

func (c *claim) add(weight float64, supports bool, o observation) {
	c.weight += weight
	c.evidence = append(c.evidence, capability.Evidence{
		ID:     fmt.Sprintf("E%d", len(c.evidence)+1),
		Source: o.source, Query: o.query, Observed: o.observed, Expected: o.expected, At: o.at, Supports: supports,
	})
}

// thenf adds a link to the chain from root to symptom.
func (c *claim) thenf(format string, args ...any) {
	c.chain = append(c.chain, fmt.Sprintf(format, args...))
}

// confidence is what the evidence is worth, capped by how many independent
// sources it comes from.
func (c *claim) confidence() float64 {
	from := map[string]bool{}
	for _, e := range c.evidence {
		if e.Supports {
			from[e.Source] = true
		}
	}
	most := mostConfidence
	switch {
	case len(from) == 1 && from[changes]:
		most = mostOfChange
	case len(from) < 2:
		most = mostOfOneSource
	}
	return math.Round(100*math.Max(0, math.Min(c.weight, most))) / 100
}

func (c *claim) finding(v *view) capability.Finding {
	f := capability.Finding{
		Cause: c.cause, Confidence: c.confidence(), Change: c.change,
		Chain: append(c.chain, v.symptoms()...), Evidence: c.evidence, Actions: c.actions,
	}
	if c.variant != "" {
		f.Variant = &c.variant
	}
	return f
}

// symptoms end every chain: what is seen in the end.
func (v *view) symptoms() []string {
	var out []string
	if v.opening >= 0.3*v.max {
		out = append(out, fmt.Sprintf("%.0f connections being opened", v.opening))
	}
	if v.waiting > 0 {
		out = append(out, fmt.Sprintf("queue %.0f", v.waiting))
	}
	if v.acquireP99 >= 0.1 {
		out = append(out, fmt.Sprintf("wait p99 %s", seconds(v.acquireP99)))
	}
	if v.timeouts > 0 {
		out = append(out, fmt.Sprintf("%.0f timeouts", v.timeouts))
	}
	return out
}

// seconds writes seconds for people.
func seconds(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.0f ms", s*1000)
	}
	return fmt.Sprintf("%.1f s", s)
}
