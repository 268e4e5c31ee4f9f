package forecast

import (
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// costs are those of a whole run; see the package comment for how they are
// made. They are written into the steps, too.
func costs(book *runbook.Runbook, f *Forecast) Costs {
	c := Costs{
		Steps:   bounded(list(book.Steps, f.Steps, one), book.Timeout, book.Steps),
		Finally: list(book.Finally, f.Finally, one),
	}
	for _, s := range book.Steps { // what is verified at the top is not undone any more
		if undoing := undoCost(s, f); undoing.Machine > c.Trouble.Machine {
			c.Trouble = undoing
		}
	}
	c.Trouble = plus(c.Trouble, list(book.OnFailure, f.OnFailure, one))
	c.Total = plus(plus(c.Steps, c.Trouble), c.Finally)
	return c
}

// list is what steps cost one after the other.
func list(steps []*runbook.Step, of []*Step, cost func(*runbook.Step, *Step) Cost) Cost {
	var sum Cost
	for i, s := range steps {
		sum = plus(sum, cost(s, of[i]))
	}
	return sum
}

// one is what a step or group costs.
func one(s *runbook.Step, f *Step) Cost {
	if f.Happens == Skipped {
		list(s.Steps, f.Steps, one)
		return Cost{}
	}
	f.Cost = plus(plus(before(s), body(s, f)), after(s))
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

func body(s *runbook.Step, f *Step) Cost {
	switch s.Kind {
	case runbook.KindAction:
		return attempts(s)
	case runbook.KindWait:
		return Cost{Machine: Seconds(s.For + s.Within)}
	case runbook.KindAsk:
		return Cost{People: open(&s.Ask.Asking)}
	case runbook.KindParallel:
		var most Cost
		for i, child := range s.Steps {
			c := one(child, f.Steps[i])
			most.Machine, most.People = max(most.Machine, c.Machine), max(most.People, c.People)
			most.NoLimit = merge(most.NoLimit, c.NoLimit)
		}
		return bounded(most, s.Timeout, s.Steps)
	default:
		return bounded(list(s.Steps, f.Steps, one), groupTimeout(s), s.Steps)
	}
}

func groupTimeout(s *runbook.Step) time.Duration {
	if len(s.Steps) == 0 {
		return 0
	}
	return s.Timeout
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
			c.NoLimit = []string{"what became of " + s.Path + ", if nobody can tell"}
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
	return Cost{Machine: Seconds(s.Verify.Within), NoLimit: []string{"the verdict on " + s.Path + when}}
}

// bounded is a cost under a timeout, which cuts reads, and waits for the
// change in flight.
func bounded(c Cost, timeout time.Duration, steps []*runbook.Step) Cost {
	if timeout == 0 {
		return c
	}
	var longest time.Duration
	runbook.Walk(steps, func(s *runbook.Step) {
		if s.Mutates() {
			longest = max(longest, engine.AttemptLimit(s))
		}
	})
	c.Machine = min(c.Machine, Seconds(timeout+longest))
	return c
}

// undoCost is what the undos at and under a step cost.
func undoCost(s *runbook.Step, f *Forecast) Cost {
	var c Cost
	runbook.Walk([]*runbook.Step{s}, func(s *runbook.Step) {
		at := find(f.Steps, s.Path)
		if s.Undo != nil && s.Undo.Uses != "" && at != nil && at.Happens != Skipped {
			c.Machine += Seconds(engine.CallLimit + engine.AttemptLimit(s))
			c.NoLimit = append(c.NoLimit, "the undo of "+s.Path+", if somebody has changed its target")
		}
	})
	return c
}

func find(steps []*Step, path string) *Step {
	for _, s := range steps {
		if s.Path == path {
			return s
		}
		if inside := find(s.Steps, path); inside != nil {
			return inside
		}
	}
	return nil
}

func plus(a, b Cost) Cost {
	return Cost{Machine: a.Machine + b.Machine, People: a.People + b.People, NoLimit: merge(slices.Clone(a.NoLimit), b.NoLimit)}
}
