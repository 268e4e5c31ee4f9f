package engine

import (
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// What follows is for those who look ahead of a run without deciding anything.

// CallLimit is how long a plan, a guard, a probe or a sample may take.
const CallLimit = readTimeout

// AttemptLimit is how long one attempt of a step's action may take.
func AttemptLimit(step *runbook.Step) time.Duration {
	if step.Mutates() {
		return limit(step, actTimeout)
	}
	return limit(step, readTimeout)
}

// Pauses is how long is waited between the attempts of a step, all pauses
// together.
func Pauses(r *runbook.Retry) time.Duration {
	var sum time.Duration
	for attempt := 1; r != nil && attempt < r.Attempts; attempt++ {
		sum += pause(r, attempt)
	}
	return sum
}

// Scope is what the expressions of a frame may read now. result is the answer
// of the read that a guard, a verify or a wait has made, decoded by [Decoded];
// nil where there is none. What none of the readers reads is left out.
func (r *Run) Scope(frame *runbook.Frame, result any, readers ...*expr.Program) expr.Vars {
	return r.vars(frame, result, readers...)
}

// Given is what the runbook of a frame is called with, or would be now.
func (r *Run) Given(frame *runbook.Frame) (map[string]json.RawMessage, error) {
	if given, called := r.Called[frame.Path]; called {
		return given, nil
	}
	return r.given(frame)
}

// VariableKey names a variable of a frame in [Run.Vars].
func VariableKey(frame *runbook.Frame, name string) string { return variableKey(frame, name) }

// Decoded is what an action returned, as expressions read it.
func Decoded(action *runbook.Action, outputs []byte) any { return decode(action.Output, outputs) }

// Pause reports whether the runbook asks for the time that this timer waits
// for: a plain wait, which is over as soon as it is fired, or the pause before
// another attempt.
func (c Timer) Pause() (wait, retry bool) { return c.what == timerWait, c.what == timerRetry }
