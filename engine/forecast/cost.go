package forecast

import (
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// costs are those of a whole run; see the package comment for how they are
// made. They are written into the steps, too.
func costs(timeout time.Duration, f *Forecast) Costs {
	c := Costs{Steps: bounded(list(f.Steps), timeout, f.Steps), Finally: list(f.Finally)}
	for _, s := range f.Steps { // what is verified at the top is not undone any more
		if undoing := undoCost(s); undoing.Machine > c.Trouble.Machine {
			c.Trouble = undoing
		}
	}
	c.Trouble = plus(c.Trouble, list(f.OnFailure))
	c.Total = plus(plus(c.Steps, c.Trouble), c.Finally)
	return c
}

// list is what steps cost one after the other.
func list(steps []*Step) Cost {
	var sum Cost
	for _, s := range steps {
		sum = plus(sum, one(s))
	}
	return sum
}

// most is what steps cost side by side: machines and people each for itself.
func most(steps []*Step) Cost {
	var out Cost
	for _, s := range steps {
		c := one(s)
		out.Machine, out.People = max(out.Machine, c.Machine), max(out.People, c.People)
		out.NoLimit = merge(out.NoLimit, c.NoLimit)
	}
	return out
}

// one is what a step or group costs.
func one(f *Step) Cost {
	if f.Happens == Skipped {
		return Cost{}
	}
	f.Cost = plus(plus(before(f.step), body(f)), after(f.step))
	return f.Cost
}

// before is what comes before a step does anything: its gate, and the guard of
// a group.
func before(s *runbook.Step) Cost {
	var c Cost
	if s.Approve != nil {
		c.People = open(&s.Approve.Asking)
		c.Machine = Seconds(engine.CallLimit)
	}
	if s.Guard != nil && !s.Mutates() {
		c.Machine += Seconds(engine.CallLimit)
	}
	return c
}

func body(f *Step) Cost {
	switch s := f.step; s.Kind {
	case runbook.KindAction:
		return attempts(s)
	case runbook.KindWait:
		return Cost{Machine: Seconds(s.For + s.Within)}
	case runbook.KindAsk:
		return Cost{People: open(&s.Ask.Asking)}
	case runbook.KindParallel:
		return bounded(most(f.Steps), s.Timeout, f.Steps)
	case runbook.KindForeach:
		return bounded(items(f), s.Timeout, f.Steps)
	case runbook.KindGroup, runbook.KindCall:
		return bounded(list(f.Steps), s.Timeout, f.Steps)
	default:
		return Cost{}
	}
}

// items is what the items of a foreach cost: as many rounds as they need, each
// as long as the longest of them, or all of them in a row where that is less.
func items(f *Step) Cost {
	sum, longest := list(f.Steps), most(f.Steps)
	rounds := Seconds((len(f.Steps) + f.Each.Concurrency - 1) / f.Each.Concurrency)
	sum.Machine, sum.People = min(sum.Machine, rounds*longest.Machine), min(sum.People, rounds*longest.People)
	if f.Each.Items == nil {
		sum.NoLimit = append(sum.NoLimit, "nobody knows how many items "+f.Path+" has; one is counted")
	}
	return sum
}

// attempts is what all attempts of an action cost.
func attempts(s *runbook.Step) Cost {
	n := 1
	if s.Retry != nil {
		n = s.Retry.Attempts
	}
	each := engine.AttemptLimit(s)
	var c Cost
	if s.Mutates() {
		each += engine.CallLimit // its plan
		if s.Guard != nil {
			each += engine.CallLimit
		}
		if !s.Action.Probe {
			c.NoLimit = []string{"a person says what became of " + s.Path + ", if nothing can tell"}
		}
	}
	c.Machine = Seconds(time.Duration(n)*each + engine.Pauses(s.Retry))
	return c
}

// after is what a verify costs.
func after(s *runbook.Step) Cost {
	if s.Verify == nil || s.Verify.None != "" {
		return Cost{}
	}
	when := ", if its verify cannot tell"
	if s.Verify.OnFail == "ask" {
		when = ", if its verify fails or cannot tell"
	}
	return Cost{Machine: Seconds(s.Verify.Within), NoLimit: []string{"a person decides on " + s.Path + when}}
}

// bounded is a cost under a timeout, which cuts reads, and waits for the
// change in flight.
func bounded(c Cost, timeout time.Duration, steps []*Step) Cost {
	if timeout == 0 {
		return c
	}
	var longest time.Duration
	visit(steps, func(f *Step) {
		if f.Mutates {
			longest = max(longest, engine.AttemptLimit(f.step))
		}
	})
	c.Machine = min(c.Machine, Seconds(timeout+longest))
	return c
}

// undoCost is what the undos at and under a step cost.
func undoCost(f *Step) Cost {
	var c Cost
	visit([]*Step{f}, func(f *Step) {
		if f.Undo != nil && f.Undo.Uses != "" {
			undo, tries := f.step.Undo, 1
			if undo.Retry != nil {
				tries = undo.Retry.Attempts
			}
			c.Machine += Seconds(time.Duration(tries)*(engine.CallLimit+engine.AttemptLimit(f.step)) + engine.Pauses(undo.Retry))
			if undo.Verify != nil {
				c.Machine += Seconds(undo.Verify.Within)
				c.NoLimit = append(c.NoLimit, "a person decides on the verify of the undo of "+f.Path+", if it has no verdict")
			}
			c.NoLimit = append(c.NoLimit, "a person decides on the undo of "+f.Path+", if somebody has changed its target")
		}
	})
	return c
}

func plus(a, b Cost) Cost {
	return Cost{Machine: a.Machine + b.Machine, People: a.People + b.People, NoLimit: merge(slices.Clone(a.NoLimit), b.NoLimit)}
}
