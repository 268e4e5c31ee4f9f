package cases

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// Timeline is the short story of a run: one line for each thing that a reader
// of a failed case wants to know, with the time since the start.
func (r Result) Timeline() []string {
	out := []string{}
	var samples int
	var last string
	for _, rec := range r.Records {
		switch rec.Event.(type) {
		case engine.Sampled, engine.UndoSampled:
			samples++
			continue
		}
		text := r.tell(rec.Event)
		if _, failed := rec.Event.(engine.StepFailed); text == "" || failed && text == last { // a call that failed and its step
			continue
		}
		last = text
		if samples > 0 {
			text += fmt.Sprintf(" (samples: %d)", samples)
			samples = 0
		}
		out = append(out, fmt.Sprintf("%10s  %s", rec.At.Sub(r.Case.start).Round(time.Millisecond), text))
	}
	return out
}

func (r Result) tell(e engine.Event) string {
	name := func(path string) string { return label(r.Run.Book, path) }
	switch e := e.(type) {
	case engine.StepSkipped:
		return name(e.Path) + " skipped: " + e.Why
	case engine.Acted:
		if e.Outcome.Failure == nil {
			return name(e.Path) + " answered"
		}
		return fmt.Sprintf("%s failed: %s: %s", name(e.Path), e.Outcome.Failure.Class, e.Outcome.Failure.Reason)
	case engine.StepFailed:
		return fmt.Sprintf("%s failed: %s: %s", name(e.Path), e.Class, e.Reason)
	case engine.RetryScheduled:
		return fmt.Sprintf("%s is tried again: %s: %s", name(e.Path), e.Class, e.Reason)
	case engine.QuestionOpened:
		return fmt.Sprintf("%s about %s is asked of %s", e.Question.Kind, name(e.Question.Path), strings.Join(e.Question.Roles, ", "))
	case engine.QuestionDecided:
		return fmt.Sprintf("%s about %s: %s%s", e.Question, name(e.Path), e.Choice, by(e.By))
	case engine.VoteCounted:
		return fmt.Sprintf("gate about %s: one approves%s", name(e.Path), by(e.By))
	case engine.ValueProvided:
		return fmt.Sprintf("%s is %s%s", name(e.Path), e.Value, by(e.By))
	case engine.GateVoided:
		return "the answer about " + name(e.Path) + " is void: " + e.Why
	case engine.GuardPassed:
		return "the guard of " + name(e.Path) + " holds"
	case engine.Intended:
		return name(e.Path) + " begins its change"
	case engine.EffectLost:
		return name(e.Path) + " is lost: " + e.Reason
	case engine.DoubtResolved:
		return fmt.Sprintf("%s was %s%s", name(e.Path), e.Outcome.Effect, by(e.By))
	case engine.VerifyVerdict:
		return fmt.Sprintf("verify of %s %s: %s", name(e.Path), e.Verdict, e.Why)
	case engine.StepUndone:
		return name(e.Path) + " is undone"
	case engine.UndoFailed:
		return fmt.Sprintf("the undo of %s failed: %s: %s", name(e.Path), e.Class, e.Reason)
	case engine.EffectKept:
		return name(e.Path) + " stays changed: " + e.Why
	case engine.Stopped:
		return string(e.Stop.Kind) + by(e.Stop.By)
	case engine.StopLifted:
		return string(e.Stop) + " lifted" + by(e.By)
	case engine.RunRecovered:
		return "firebreak comes back after " + e.Down.String()
	case engine.InputRefused:
		return fmt.Sprintf("%s%s is refused: %s", e.What, by(e.By), e.Reason)
	case engine.Troubled:
		return string(e.Cause.Kind) + by(e.Cause.By) + ": " + e.Cause.Reason
	case engine.PhaseEntered:
		return string(e.Phase) + " begins"
	case engine.RunEnded:
		return "the run ends " + string(e.Word)
	default:
		return ""
	}
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}
