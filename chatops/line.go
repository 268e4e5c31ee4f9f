package chatops

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// Mark says what kind of line it is, for its sign and colour.
type Mark string

// The marks of lines.
const (
	MarkInfo  Mark = "info"
	MarkGood  Mark = "good"
	MarkBad   Mark = "bad"
	MarkAsk   Mark = "ask"
	MarkSkip  Mark = "skip"
	MarkTell  Mark = "tell"
	MarkUndo  Mark = "undo"
	MarkEnd   Mark = "end"
	MarkBlock Mark = "block" // a stop

	MarkChange Mark = "change" // what a run would change
)

// Line is one thing that happened, for people.
type Line struct {
	Mark   Mark
	Name   string // of the step; may be empty
	Text   string
	Took   time.Duration // 0: not said
	Detail []string
	Tail   bool // of a Detail that is too long the end is shown
}

// Lines says what a record means to people; most records say nothing. run is
// the run with the record applied, and as is how commands name it: its id, and
// what else they need to find it.
func (o Outline) Lines(run *engine.Run, rec engine.Record, as string) []Line {
	switch e := rec.Event.(type) {
	case engine.RunStarted:
		var lines []Line
		for _, stop := range e.Facts.Stops {
			lines = append(lines, stopped(stop, as))
		}
		return lines
	case engine.ItemsKnown:
		o.unroll(e.Path, len(e.Items))
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: fmt.Sprintf("for %d items", len(e.Items))}}
	case engine.Called:
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: "its runbook begins"}}
	case engine.OutputsMade:
		if e.Path != "" {
			return nil
		}
		return []Line{{Mark: MarkInfo, Text: "it returns " + string(e.Outputs)}}
	case engine.StepSucceeded:
		if o.silent(e.Path) {
			return nil
		}
		return []Line{o.finished(run, e.Path, MarkGood, summary(run.Step(e.Path).Outputs))}
	case engine.StepFailed:
		if e.Class == "verify" {
			return nil // its verify has said so
		}
		return []Line{o.finished(run, e.Path, MarkBad, e.Class+": "+e.Reason)}
	case engine.StepSaid:
		text := "its last lines"
		if e.Undo {
			text = "the last lines of its undo"
		}
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: text, Detail: e.Lines, Tail: true}}
	case engine.StepSkipped:
		if known, ok := o[e.Path]; ok && !known.Named && e.By == "" {
			return nil // a branch that was not taken, and has no name
		}
		return []Line{{Mark: MarkSkip, Name: o.Name(e.Path), Text: skipped(e)}}
	case engine.RetryScheduled:
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: fmt.Sprintf("%s: %s; attempt %d in %s",
			e.Class, e.Reason, e.Attempt, Elapsed(e.At.Sub(rec.At)))}}
	case engine.QuestionOpened:
		card := o.Card(as, e.Question, rec.At, briefDetail)
		return []Line{{Mark: MarkAsk, Name: o.Name(e.Question.Path), Text: card[0], Detail: card[1:]}}
	case engine.QuestionAnnounced:
		return []Line{{Mark: MarkTell, Name: o.Name(e.Path), Text: "will need a yes of " + strings.Join(e.Roles, " or ")}}
	case engine.QuestionDecided:
		return []Line{o.decided(e)}
	case engine.ValueProvided:
		return []Line{{Mark: MarkGood, Name: o.Name(e.Path), Text: because(fmt.Sprintf("%s, says %s", e.Value, e.By), e.Reason)}}
	case engine.VoteCounted:
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: e.By + " said yes" + counted(run, e.ID)}}
	case engine.VoteWithdrawn:
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: because(e.By+" took back their yes", e.Reason) + counted(run, e.ID)}}
	case engine.QuestionHanded:
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: because(e.By+" has left the answer to "+e.To, e.Reason)}}
	case engine.QuestionExtended:
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: fmt.Sprintf("kept open by %s, %s left", e.By, Elapsed(e.Expires.Sub(rec.At)))}}
	case engine.QuestionEscalated:
		return []Line{{Mark: MarkAsk, Name: o.Name(e.Path), Text: "nobody has answered; " + e.Role + " is asked, too"}}
	case engine.GateVoided:
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: "the question is void: " + e.Why}}
	case engine.NoticeQueued:
		first, more, _ := strings.Cut(e.Text, "\n")
		text := "to " + e.To + ": " + first
		if e.Page {
			text = "PAGE " + text
		}
		line := Line{Mark: MarkTell, Text: text}
		if more != "" { // below, so that it cannot look like a line of ours
			line.Detail = strings.Split(strings.TrimRight(more, "\n"), "\n")
		}
		return []Line{line}
	case engine.InDoubt:
		return []Line{{Mark: MarkBad, Name: o.Name(e.Path), Text: "in doubt: " + e.Why}}
	case engine.DoubtResolved:
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: fmt.Sprintf("doubt resolved by %s: %s", e.By, e.Outcome.Effect)}}
	case engine.VerifyVerdict:
		return o.verdict(e)
	case engine.Troubled:
		if f := run.Step(e.Cause.Path).Failure; f != nil && f.Reason == e.Cause.Reason {
			return []Line{{Mark: MarkBad, Text: "stops here"}} // why, has just been said
		}
		return []Line{{Mark: MarkBad, Text: because("stops here", e.Cause.Reason)}}
	case engine.UndoIntended:
		return []Line{{Mark: MarkUndo, Name: o.Name(e.Path), Text: "undoing with " + e.Action}}
	case engine.StepUndone:
		return []Line{{Mark: MarkUndo, Name: o.Name(e.Path), Text: "undone"}}
	case engine.UndoRetryScheduled:
		return []Line{{Mark: MarkUndo, Name: o.Name(e.Path), Text: fmt.Sprintf("undo failed, and is tried again: %s: %s", e.Class, e.Reason)}}
	case engine.UndoVerdict:
		if e.By != "" {
			return []Line{{Mark: MarkUndo, Name: o.Name(e.Path), Text: "its undo is accepted by " + e.By}}
		}
		return []Line{{Mark: MarkUndo, Name: o.Name(e.Path), Text: "verify of its undo " + e.Verdict + ": " + e.Why}}
	case engine.UndoFailed:
		return []Line{{Mark: MarkBad, Name: o.Name(e.Path), Text: "undo failed: " + e.Reason}}
	case engine.MemberUnplanned:
		return []Line{{Mark: MarkBad, Name: o.Name(e.Path), Text: "its undo cannot be planned, and is left out: " + e.Reason}}
	case engine.EffectKept:
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: "stays changed: " + e.Why}}
	case engine.ChangeSeen:
		return []Line{{Mark: MarkBlock, Text: because(e.Change.By()+" has changed the service: what was asked, or said, is void", e.Change.Title)}}
	case engine.RunBarred:
		return []Line{{Mark: MarkBlock, Text: "a rule bars it from changes (" + e.Bar.Class + "): what was asked, or said, is void"}}
	case engine.WouldHave:
		return []Line{{Mark: MarkBlock, Name: o.Name(e.Path), Text: "would have asked, and done this (" + e.Class + ")", Detail: o.Members(e.Members)}}
	case engine.Stopped:
		return []Line{stopped(e.Stop, as)}
	case engine.StopLifted:
		return []Line{{Mark: MarkBlock, Text: lifted[e.Stop] + " by " + e.By}}
	case engine.HandedBack:
		return []Line{{Mark: MarkBlock, Text: because("handed back by "+e.By+": "+o.handedBack(e), e.Reason)}}
	case engine.LockBroken:
		return []Line{{Mark: MarkBlock, Text: "others may change " + strings.Join(run.Locks.Identities, ", ")}}
	case engine.InputRefused:
		return []Line{{Mark: MarkBad, Text: fmt.Sprintf("%s: %s refused: %s", e.By, e.What, e.Reason)}}
	case engine.RunRecovered:
		return []Line{{Mark: MarkInfo, Text: fmt.Sprintf("goes on with a new owner; nobody was there for %s", Elapsed(e.Down))}}
	case engine.RunJoined:
		return []Line{{Mark: MarkInfo, Text: fmt.Sprintf("run %s, started by %s %s, leaves it to this one", e.Run, e.Requester.Kind, e.Requester.Name)}}
	case engine.RunEnded:
		return []Line{runEnded(run, e)}
	default:
		return nil
	}
}

func stopped(stop engine.Stop, as string) Line {
	nothing := "nothing is changed: "
	if stop.Kind == engine.StopFreeze {
		nothing = "nothing new is begun: "
	}
	l := Line{Mark: MarkBlock, Text: because(nothing+Stopped(stop), stop.Reason)}
	if stop.Kind == engine.StopTakeOver {
		l.Detail = []string{HandBack(as)}
	}
	return l
}

// Stopped says what a stop is, and whose.
func Stopped(stop engine.Stop) string {
	switch stop.Kind {
	case engine.StopHold:
		return stop.Service + " is held by " + stop.By
	case engine.StopTakeOver:
		return "taken over by " + stop.By
	case engine.StopLock:
		return "its locks were broken by " + stop.By
	case engine.StopFreeze:
		return stop.Frozen()
	default:
		return "halted by " + stop.By
	}
}

// HandBack is the command that gives a run back that was taken over. as is how
// commands name the run.
func HandBack(as string) string {
	return "firebreak hand-back " + as + " " + strings.Join([]string{engine.HandResume, engine.HandVerify, engine.HandEnd}, " | ")
}

func (o Outline) handedBack(e engine.HandedBack) string {
	switch e.To {
	case engine.HandVerify:
		return "what is left of " + o.Name(e.Path) + " was done by hand, and is verified"
	case engine.HandEnd:
		return "it ends as things are"
	default:
		return "it goes on"
	}
}

// counted is how many have said yes to an open question so far.
func counted(run *engine.Run, id string) string {
	q := run.Questions[id]
	if q == nil {
		return ""
	}
	return fmt.Sprintf("; %d of %d", len(q.Votes), q.Quorum)
}

// lifted says that a stop is over, before the name of who ended it.
var lifted = map[engine.StopKind]string{
	engine.StopHalt: "halt lifted", engine.StopFreeze: "no longer frozen", engine.StopHold: "hold lifted", engine.StopLock: "locked again, after they were broken",
}

func (o Outline) finished(run *engine.Run, path string, mark Mark, text string) Line {
	s := run.Step(path)
	return Line{Mark: mark, Name: o.Name(path), Text: text, Took: s.EndedAt.Sub(s.StartedAt)}
}

// because adds a reason, if there is one.
func because(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + reason
}

// skipped is why a step was passed over; what a person did says so itself.
func skipped(e engine.StepSkipped) string {
	if e.By != "" {
		return e.Why
	}
	return "skipped: " + e.Why
}

func (o Outline) decided(e engine.QuestionDecided) Line {
	l := Line{Mark: MarkGood, Name: o.Name(e.Path)}
	switch e.Choice {
	case engine.ChoiceApprove:
		l.Text = "approved by " + e.By
	case engine.ChoiceDeny:
		l.Mark, l.Text = MarkBad, "denied by "+e.By
	case engine.ChoiceExpired:
		l.Mark, l.Text = MarkBad, "nobody answered in time"
	default:
		l.Mark, l.Text = MarkInfo, fmt.Sprintf("%s said %s", e.By, e.Choice)
	}
	l.Text = because(l.Text, e.Reason)
	if e.BreakGlass != "" {
		l.Mark = MarkBad
		l.Text += "; BROKE THE GLASS: " + e.BreakGlass
	}
	return l
}

func (o Outline) verdict(e engine.VerifyVerdict) []Line {
	switch {
	case e.Verdict == "":
		return nil
	case e.By != "":
		return []Line{{Mark: MarkInfo, Name: o.Name(e.Path), Text: "verify accepted by " + e.By}}
	case e.Verdict == "passed":
		return []Line{{Mark: MarkGood, Name: o.Name(e.Path), Text: "verified: " + e.Why}}
	default:
		return []Line{{Mark: MarkBad, Name: o.Name(e.Path), Text: "verify " + e.Verdict + ": " + e.Why}}
	}
}

func runEnded(run *engine.Run, e engine.RunEnded) Line {
	text := fmt.Sprintf("%s in %s", e.Word, Elapsed(run.EndedAt.Sub(run.StartedAt)))
	if e.AskedFor > 0 {
		text += fmt.Sprintf(", %s of it waiting for people", Elapsed(e.AskedFor))
	}
	var detail []string
	if len(e.Changed) > 0 {
		detail = append([]string{"stays changed:"}, indent(e.Changed)...)
	}
	return Line{Mark: MarkEnd, Text: text, Detail: detail}
}

func indent(lines []string) []string {
	out := make([]string, 0, len(lines))
	for _, l := range lines {
		for part := range strings.Lines(l) {
			out = append(out, "  "+strings.TrimRight(part, "\n"))
		}
	}
	return out
}
