package service

import (
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Automation is the rules for runs that no person has started. A nil one is
// not there.
type Automation struct {
	Shadow   []*Shadow
	ReadOnly *Bound // services that alert at once
	Breaker  *Bound // failures in a row, and for how long it then is open
	Rate     *Bound // runs, within a time
	Budget   *Bound // changes of everybody, within a time
}

// Bound is how many there may be, and within which time.
type Bound struct {
	Most int
	Time time.Duration // zero: of a bound without one
	Pos  runbook.Pos
}

// Shadow is which runs do all but the changes.
type Shadow struct {
	Runbook      string   // empty: any
	Services     []string // empty, and no environments: any
	Environments []string
	Pos          runbook.Pos
}

func (r *reader) automation(f runbook.Fields) *Automation {
	f, ok := r.within(f, "automation", automationShape)
	if !ok {
		return nil
	}
	return &Automation{
		Shadow:   r.shadows(f),
		ReadOnly: r.bound(f, "read_only", readOnlyShape, "services", ""),
		Breaker:  r.bound(f, "breaker", breakerShape, "failures", "for"),
		Rate:     r.bound(f, "rate", rateShape, "runs", "per"),
		Budget:   r.bound(f, "budget", budgetShape, "changes", "per"),
	}
}

func (r *reader) shadows(f runbook.Fields) []*Shadow {
	var all []*Shadow
	for _, n := range r.list(f, "shadow") {
		f, ok := r.file.Fields(n, shadowShape)
		if ok && len(n.Content) == 0 {
			r.addf(runbook.PosOf(n), "empty", "name a runbook, services or environments", "a shadow is of nothing")
		}
		all = append(all, &Shadow{
			Runbook: f.Text("runbook"), Services: r.serviceNames(f), Environments: r.environments(f), Pos: runbook.PosOf(n),
		})
	}
	return all
}

// bound reads how many there may be, and within which time; per is empty where
// none belongs to it.
func (r *reader) bound(f runbook.Fields, key string, s *runbook.Shape, most, per string) *Bound {
	at := f.At(key)
	f, ok := r.within(f, key, s)
	if !ok {
		return nil
	}
	return &Bound{Most: f.Count(most), Time: r.span(f, per), Pos: at}
}
