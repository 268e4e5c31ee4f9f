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
	pooler   = "pooler"
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

// claim is what speaks for and against one cause.
type claim struct {
	ruledOut string // why it is not the cause; empty when it may be
	variant  string
	change   *capability.Change
	weight   float64
	chain    []string
	evidence []capability.Evidence
	hints    []capability.Evidence // that are shown, and are no independent source
	actions  []capability.Remedy
}

func notBecause(format string, args ...any) *claim {
	return &claim{ruledOut: fmt.Sprintf(format, args...)}
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

// weigh adds evidence that speaks for the cause if it is so, or against it.
func (c *claim) weigh(so bool, weight, against float64, o observation) {
	if so {
		c.speaksFor(weight, o)
	} else {
		c.speaksAgainst(against, o)
	}
}

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

// blame names the change that brought the cause about; nil names none.
func (c *claim) blame(change *capability.Change, weight float64, expected string) {
	if change == nil {
		return
	}
	c.change, c.variant = change, "config_change"
	c.chain = append([]string{fmt.Sprintf("%s %s → %s", change.Setting, change.Before, change.After)}, c.chain...)
	c.speaksFor(weight, observation{
		source: changes, query: fmt.Sprintf("settings.changes setting=%s", change.Setting),
		observed: fmt.Sprintf("%s %s → %s by %s: %s", change.Setting, change.Before, change.After, change.Author, change.Title),
		expected: expected, at: &change.At,
	})
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

func (c *claim) finding(v *view, of cause) capability.Finding {
	f := capability.Finding{
		Cause: of.id, Text: of.text, Layer: &of.layer, Confidence: c.confidence(), Change: c.change,
		Chain: append(c.chain, v.symptoms()...), Actions: c.actions,
	}
	for _, e := range c.evidence {
		f.Evidence = append(f.Evidence, v.cited(e))
	}
	for _, e := range c.hints {
		e.ID = fmt.Sprintf("E%d", len(f.Evidence)+1)
		f.Evidence = append(f.Evidence, e)
	}
	if c.variant != "" {
		f.Variant = &c.variant
	}
	return f
}

// symptoms end every chain: what is seen in the end.
func (v *view) symptoms() []string {
	var out []string
	if v.full() {
		out = append(out, fmt.Sprintf("pool %.0f/%.0f", v.now.acquired, v.now.max))
	}
	if v.opening >= 0.3*v.now.max {
		out = append(out, fmt.Sprintf("%.0f connections being opened", v.opening))
	}
	if v.now.waiting > 0 {
		out = append(out, fmt.Sprintf("queue %.0f", v.now.waiting))
	}
	switch {
	case v.now.acquireP99 >= 0.1:
		out = append(out, "wait p99 "+seconds(v.now.acquireP99))
	case v.now.acquire >= 0.05:
		out = append(out, "wait "+seconds(v.now.acquire))
	}
	if v.now.timeouts > 0 {
		out = append(out, fmt.Sprintf("%.0f timeouts", v.now.timeouts))
	}
	if v.now.errors >= 0.01 {
		out = append(out, fmt.Sprintf("%.0f %% errors", 100*v.now.errors))
	}
	return out
}

// seconds writes seconds for people.
func seconds(s float64) string {
	switch {
	case math.IsNaN(s):
		return "unknown"
	case s < 1:
		return fmt.Sprintf("%.0f ms", s*1000)
	default:
		return fmt.Sprintf("%.1f s", s)
	}
}
