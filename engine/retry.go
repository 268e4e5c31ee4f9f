package engine

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Carried is how a step ended in a run that is tried again from a later one.
type Carried struct {
	Status  Status          `json:"status"`
	Outputs json.RawMessage `json:"outputs,omitempty"`
	Effect  Effect          `json:"effect,omitempty"`
	Failure *Failure        `json:"failure,omitempty"`
}

// Retry returns the facts of a new run that goes on where one that has ended
// did not: f, with how the steps before ended, which are not done again. from
// is the path or the id of a top-level step; empty: the first that did not go
// well. It returns a [*StartError] where what came before no longer holds.
func Retry(done *Run, from string, f Facts) (Facts, error) {
	if !done.Ended() {
		return f, &StartError{Reason: fmt.Sprintf("run %s has not ended; it goes on by itself, or is cancelled first", done.Facts.ID)}
	}
	if done.Facts.UndoOf != "" {
		return f, &StartError{Reason: fmt.Sprintf("run %s undoes another; `firebreak undo %s` tries that again", done.Facts.ID, done.Facts.UndoOf)}
	}
	first, err := retryStep(done, from)
	if err != nil {
		return f, err
	}
	f.RetryOf, f.From, f.Carried, f.Vars = done.Facts.ID, first.Path, map[string]Carried{}, map[string]json.RawMessage{}
	for i, step := range done.Book.Steps {
		if step == first {
			f.Items = done.itemsUnder(done.Book.Steps[:i])
			break
		}
		if why := done.lost(step); why != "" {
			return f, &StartError{Reason: fmt.Sprintf("%s %s; try again from it, or from a step before", step.Path, why)}
		}
		runbook.Walk([]*runbook.Step{step}, func(s *runbook.Step) {
			if at := done.step(s.Path); at.Done() {
				f.Carried[s.Path] = Carried{Status: at.Status, Outputs: at.Outputs, Effect: at.Effect, Failure: at.Failure}
			}
			for _, a := range s.Set {
				key := variableKey(s.Frame, a.Name)
				if raw, ok := done.Vars[key]; ok && s.Frame == done.Book.Frame {
					f.Vars[key] = raw
				}
			}
		})
	}
	return f, nil
}

// retryStep is the step to begin with.
func retryStep(done *Run, from string) (*runbook.Step, error) {
	i := slices.IndexFunc(done.Book.Steps, func(s *runbook.Step) bool {
		if from != "" {
			return s.Path == from || s.ID == from
		}
		status := done.step(s.Path).Status
		return status != StatusSucceeded && status != StatusSkipped
	})
	switch {
	case i >= 0:
		return done.Book.Steps[i], nil
	case from == "":
		return nil, &StartError{Reason: fmt.Sprintf("every step of run %s went well; name the one to begin with", done.Facts.ID)}
	case done.Book.ByID(from) != nil || done.Book.Step(from) != nil:
		return nil, &StartError{Reason: fmt.Sprintf("%s is inside a group, or in a handler; a run is tried again from a step of the runbook's own list", from)}
	default:
		return nil, &StartError{Reason: fmt.Sprintf("there is no step %s", from)}
	}
}

// lost says why a step that went before is not as the steps after it need it;
// empty: it is.
func (r *Run) lost(step *runbook.Step) string {
	s := r.step(step.Path)
	for _, row := range r.Ledger {
		if within(row.Path, step.Path) && row.State != RowCommitted && row.State != RowNone {
			return fmt.Sprintf("has left %s %s, and nobody has verified that", row.Path, row.State)
		}
	}
	switch {
	case s.Status == StatusSucceeded || s.Status == StatusSkipped:
		return ""
	case s.Status == StatusFailed && step.Optional:
		return ""
	default:
		return "is " + string(s.Status)
	}
}
