package chatops

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// maxBoard is how many steps the card of a run shows.
const maxBoard = 20

// Board is the card of the run itself: where it stands. It is the same as long
// as nothing happens.
func (s *Story) Board() Card {
	f := s.Run.Facts
	c := Card{Title: or(s.Run.Book.Title, f.Runbook)}
	if f.UndoOf != "" {
		c.Title = "Undo of run " + f.UndoOf
	}
	state := s.state()
	c.Brief = fmt.Sprintf("%s: %s (%s), run %s", c.Title, state, inService(f), f.ID)
	c.Parts = append(c.Parts, Part{Fields: []Field{
		{Name: "State", Text: state}, {Name: "Service", Text: inService(f)},
		{Name: "Started by", Text: Requester(f.Requester), At: s.Run.StartedAt}, {Name: "Run", Text: f.ID},
	}})
	if roles := s.MayAsk(); len(roles) > 0 {
		text := "An approval of " + strings.Join(roles, " or ") + " may be asked within seconds. What it will be about is in the thread."
		if len(s.Asks()) > 0 {
			text = "What it asks is in the thread."
		}
		c.Parts = append(c.Parts, Part{Text: text})
		c.Ping = "may ask"
		for _, role := range roles {
			c.Call = append(c.Call, s.Run.Facts.Roles[role].People...)
		}
	}
	if lines := s.steps(); len(lines) > 0 {
		c.Parts = append(c.Parts, Part{Lines: lines})
	}
	for _, stop := range s.Run.Stops {
		if !s.Run.Ended() {
			c.Parts = append(c.Parts, Part{Lines: []Line{{Mark: MarkBlock, Text: because("nothing is changed: "+Stopped(stop), stop.Reason)}}})
		}
	}
	return c
}

// Notice is the card of something that people are told.
func (s *Story) Notice(n *engine.Notice) Card {
	what := "Notice"
	if n.Page {
		what = "Page"
	}
	first, more, _ := strings.Cut(n.Text, "\n")
	c := Card{Brief: fmt.Sprintf("%s for %s, run %s: %s", what, n.To, s.Run.Facts.ID, first)}
	mark := MarkTell
	if n.Page {
		mark = MarkAsk
	}
	c.Parts = append(c.Parts, Part{Lines: []Line{{Mark: mark, Name: what + " for " + n.To, Text: first}}})
	if more != "" {
		c.Parts = append(c.Parts, Part{Text: more, Code: true})
	}
	c.Call = s.Run.Facts.Roles[n.To].People
	if len(c.Call) == 0 && slices.ContainsFunc(sortedKeys(s.Run.Facts.Roles), func(role string) bool { return slices.Contains(s.Run.Facts.Roles[role].People, n.To) }) {
		c.Call = []string{n.To}
	}
	return c
}

// state is where the run stands, in half a line.
func (s *Story) state() string {
	if s.Run.Ended() {
		return fmt.Sprintf("%s in %s", s.Run.Word, Elapsed(s.Run.EndedAt.Sub(s.Run.StartedAt)))
	}
	for _, a := range s.Asks() {
		if !a.Question.Early {
			return "waits for " + or(strings.Join(a.Roles, " or "), "nobody: no role may answer")
		}
	}
	if s.Run.Locks.State == engine.LocksRequested {
		return "waits for another run that changes the same"
	}
	return string(s.Run.Phase)
}

// steps are the steps that have begun, the last of them if they are many.
func (s *Story) steps() []Line {
	var lines []Line
	s.Run.Tree(func(step *runbook.Step, at engine.Step) {
		if at.StartedAt.IsZero() && at.Status != engine.StatusFailed || s.outline.silent(step.Path) && !s.outline[step.Path].Named {
			return
		}
		l := Line{Mark: MarkInfo, Name: s.outline.Name(step.Path), Text: string(s.Run.StatusOf(step.Path))}
		switch at.Status {
		case engine.StatusSucceeded:
			l.Mark, l.Text = MarkGood, summary(at.Outputs)
		case engine.StatusFailed, engine.StatusInDoubt:
			l.Mark = MarkBad
			if at.Failure != nil {
				l.Text = at.Failure.Class + ": " + at.Failure.Reason
			}
		case engine.StatusSkipped, engine.StatusCancelled:
			l.Mark = MarkSkip
		case engine.StatusUndone:
			l.Mark = MarkUndo
		default:
		}
		if at.Done() && !at.EndedAt.IsZero() {
			l.Took = at.EndedAt.Sub(at.StartedAt)
		}
		lines = append(lines, l)
	})
	if more := len(lines) - maxBoard; more > 0 {
		lines = append([]Line{{Mark: MarkInfo, Text: fmt.Sprintf("%d steps before", more)}}, lines[more:]...)
	}
	return lines
}

// End is the card of how the run went: its timeline, and on whom it waited. It
// calls whoever has started the run.
// It exists once the run has ended.
func (s *Story) End() (Card, bool) {
	if !s.Run.Ended() {
		return Card{}, false
	}
	f := s.Run.Facts
	c := Card{Title: fmt.Sprintf("Ended: %s in %s", s.Run.Word, Elapsed(s.Run.EndedAt.Sub(s.Run.StartedAt)))}
	c.Brief = fmt.Sprintf("%s, %s, run %s", c.Title, inService(f), f.ID)
	var timeline strings.Builder
	for _, t := range s.Lines {
		if t.Tail { // what a call said stands in the thread
			continue
		}
		text := strings.TrimSpace(t.Name + "  " + t.Text)
		fmt.Fprintf(&timeline, "%9s  %s\n", "+"+Elapsed(t.At.Sub(s.Run.StartedAt)), short(text))
	}
	c.Parts = append(c.Parts, Part{Title: "Timeline", Text: timeline.String(), Code: true, Tail: true})
	if waits := s.Waits(); len(waits) > 0 {
		c.Parts = append(c.Parts, Part{Title: fmt.Sprintf("Waited for people: %s", Elapsed(time.Duration(s.Run.PeopleSeconds(s.Run.EndedAt)*float64(time.Second)))), Lines: waits})
	}
	if next := s.next(); next != "" {
		c.Parts = append(c.Parts, Part{Small: true, Text: next})
	}
	if f.Requester.Kind == "person" {
		c.Call = []string{f.Requester.Name}
	}
	return c, true
}

// Waits are how long each question was open, and how it ended.
func (s *Story) Waits() []Line {
	var lines []Line
	for _, a := range s.Asked {
		if a.State == Announced || a.Question.ID == "" {
			continue
		}
		lines = append(lines, Line{Mark: MarkAsk, Name: a.Name, Took: a.At.Sub(a.Since), Text: strings.Join(a.Roles, " or ") + "; " + or(how[a.State], s.decision(a))})
	}
	return lines
}

// how questions end that nobody decides.
var how = map[AskState]string{Expired: "nobody answered in time", Void: "void", Closed: "closed"}

// next is what people can do about a run that ended badly.
func (s *Story) next() string {
	id := s.Run.Facts.ID
	switch s.Run.Word {
	case engine.FailedClean, engine.FailedDirty, engine.CancelledClean, engine.CancelledDirty, engine.Refused:
		text := fmt.Sprintf("%s retry %s goes on where it stopped; %s logs %s shows all of it", s.command, id, s.command, id)
		if s.Run.Word.Dirty() {
			text += "; something stays changed: firebreak undo " + id + " puts it back"
		}
		return text
	default:
		return ""
	}
}
