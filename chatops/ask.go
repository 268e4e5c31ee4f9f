package chatops

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// cardDetail is how many lines of each action's detail a card shows: it is
// read on a telephone.
const cardDetail = 10

// The shares of a question's time after which people are reminded of it.
const (
	remindFirst = 0.5
	remindLast  = 0.9
)

// What people are called about, besides the roles that are asked, too, which
// have an @ before them.
const (
	pingOpen = "open"
	pingHalf = "half"
	pingLate = "late"
)

// Ask is the card of a question at a time. It has buttons exactly while the
// question is open.
func (s *Story) Ask(a *Asked, now time.Time) Card {
	c := Card{Title: s.askTitle(a)}
	f := s.Run.Facts
	c.Brief = fmt.Sprintf("%s (%s), run %s", c.Title, inService(f), f.ID)
	head := Part{Text: a.Question.Text, Fields: s.askFields(a)}
	if none := touchesNothing(a.Question.Members); none != "" && a.State == Open {
		head.Text = none + "\n" + head.Text
	}
	if a.State == Announced {
		head.Text = "The question opens as soon as it is known what would be done."
	}
	c.Parts = append(c.Parts, head)
	switch a.State { // before what may be too long for a message
	case Announced:
		c.Call = s.Can(a)
	case Open:
		s.open(&c, a, now)
	default:
		c.Parts = append(c.Parts, s.outcome(a))
	}
	if said := s.said[a.Path]; len(said) > 0 && a.Question.Kind == engine.AskDoubt && a.State == Open {
		c.Parts = append(c.Parts, Part{Title: "Its last lines", Text: strings.Join(said, "\n"), Code: true, Tail: true})
	}
	if why := s.Why(maxEvidence); why != nil && a.State == Open {
		c.Parts = append(c.Parts, *why)
	}
	if len(a.Question.Changed) > 0 && a.State == Open {
		c.Parts = append(c.Parts, Part{Title: "Changed since you were last asked", Text: strings.Join(a.Question.Changed, "\n"), Code: true})
	}
	c.Parts = append(c.Parts, s.keeps(a.Question)...)
	for _, m := range a.Question.Members {
		c.Parts = append(c.Parts, s.would(m, cardDetail))
	}
	return c
}

func inService(f engine.Facts) string {
	switch {
	case f.Service == "":
		return f.Runbook
	case f.Environment == "":
		return f.Service
	default:
		return f.Service + ", " + f.Environment
	}
}

var askTitles = map[engine.QuestionKind]string{
	engine.AskGate: "Approval needed: ", engine.AskVerdict: "Verify without a verdict: ", engine.AskDoubt: "In doubt: ",
	engine.AskDrift: "An undo finds something else: ", engine.AskAgain: "Asked too often: ", engine.AskResume: "An undo waits for a word: ",
	engine.AskLock: "Its locks were broken: ", engine.AskValue: "A value is needed: ",
}

func (s *Story) askTitle(a *Asked) string {
	kind := askTitles[a.Question.Kind]
	switch {
	case a.State == Announced:
		kind = "Approval will be needed: "
	case a.State == Expired:
		kind = "Nobody answered in time: "
	case a.State == Void:
		kind = "Void: "
	case a.State == Closed:
		kind = "No answer is needed any more: "
	case a.State == Open:
	case a.Undone != "":
		kind = "No longer approved: "
	case a.Question.Kind == engine.AskGate && a.Choice == engine.ChoiceApprove:
		kind = "Approved: "
	case a.Question.Kind == engine.AskGate:
		kind = "Denied: "
	default:
		kind = "Answered: "
	}
	return kind + s.what(a)
}

// what a question is about, for its title.
func (s *Story) what(a *Asked) string {
	if len(a.Question.Members) == 1 && a.Name == a.Question.Members[0].Action {
		return a.Name
	}
	if s.Run.Book.Title != "" {
		return s.Run.Book.Title + " · " + a.Name
	}
	return a.Name
}

func (s *Story) askFields(a *Asked) []Field {
	f, q := s.Run.Facts, a.Question
	fields := []Field{
		{Name: "Runbook", Text: f.Runbook}, {Name: "Run", Text: f.ID},
		{Name: "Service", Text: or(f.Service, "none")}, {Name: "Environment", Text: or(f.Environment, "not said")},
		{Name: "Started by", Text: Requester(f.Requester)}, {Name: "Step", Text: a.Name},
	}
	if len(q.Members) > 0 {
		fields = append(fields, Field{Name: "Risk", Text: risk(q.Members)}, Field{Name: "Touches", Text: radius(q.Members)})
	}
	if text := s.unwaived(a); q.Kind == engine.AskGate && text != "" {
		fields = append(fields, Field{Name: "Not verified", Text: text})
	}
	if a.State == Open || a.State == Announced {
		fields = append(fields, Field{Name: "Who may answer", Text: s.who(a)})
	}
	if a.State == Open && !q.Expires.IsZero() && !q.Early {
		fields = append(fields, Field{Name: "Until", At: q.Expires, After: s.silence(a)})
	}
	return fields
}

// unwaived says which verifies of what a gate covers were not waived any more
// when it asked.
func (s *Story) unwaived(a *Asked) string {
	var over []string
	for _, step := range s.Run.Book.All() {
		covers := step.Path == a.Path || strings.HasPrefix(step.Path, a.Path+"/") || strings.HasPrefix(a.Path, step.Path+"/")
		if v := step.Verify; covers && v != nil && v.None != "" && v.LastDay < a.Since.UTC().Format(time.DateOnly) {
			over = append(over, fmt.Sprintf("the verify of %s was waived by %s until %s, which is over: %s", s.outline.Name(step.Path), v.Owner, v.LastDay, v.None))
		}
	}
	return strings.Join(over, "; ")
}

// Irreversible reports whether something that a question covers has no undo,
// or nothing that checks its target before it acts.
func Irreversible(members []engine.Member) bool {
	return slices.ContainsFunc(members, func(m engine.Member) bool {
		return m.Undo == "" || strings.HasPrefix(m.Undo, "none: ") || m.NoPrecond
	})
}

func risk(members []engine.Member) string {
	if Irreversible(members) {
		return "high: not all of it can be undone"
	}
	return "its undo is covered, too"
}

// radius is how much a question's actions touch together. What is a part of a
// whole is not added up: it may be the same part again.
func radius(members []engine.Member) string {
	var parts []string
	sums := map[string]int{}
	for _, m := range members {
		if m.Total == 0 {
			sums[m.Unit] += m.Affected
		}
	}
	for _, m := range members {
		n := m.Affected
		if m.Total == 0 {
			n = sums[m.Unit]
		}
		if text := extent(n, m.Total, m.Unit); (n > 0 || m.Total > 0) && !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 && touchesNothing(members) != "" {
		return "nothing, as things are"
	}
	return or(strings.Join(parts, ", "), "not known")
}

func (s *Story) who(a *Asked) string {
	q := a.Question
	text := strings.Join(a.Roles, " or ")
	if text == "" {
		text = "nobody: no role may"
	}
	if q.Quorum > 1 {
		text = fmt.Sprintf("%d of %s (%d so far)", q.Quorum, text, len(q.Votes))
	}
	if a.State == Open && q.Kind == engine.AskGate && !q.Self && s.Run.Facts.Requester.Answers() {
		text += ", not " + s.Run.Facts.Requester.Name
	}
	return text
}

// silence is what comes when nobody answers.
func (s *Story) silence(a *Asked) string {
	step := s.Run.Book.Step(a.Path)
	if step == nil || step.Asking() == nil || a.Question.Undo {
		return ", then it ends unanswered"
	}
	if step.Asking().OnExpiry == "skip" {
		return ", then it is skipped"
	}
	return ", then the run ends"
}

// would is what one member of a question would do.
func (s *Story) would(m engine.Member, most int) Part {
	lines := s.outline.member(m, most)
	p := Part{Title: strings.TrimSpace(lines[0]), Code: true}
	for _, l := range lines[1:] {
		p.Text += strings.TrimPrefix(l, "      ") + "\n"
	}
	return p
}

// keeps is what would stay changed, whatever is said.
func (s *Story) keeps(q engine.Question) []Part {
	if len(q.Kept) == 0 {
		return nil
	}
	return []Part{{Title: "Stays changed", Text: strings.Join(s.outline.kept(q), "\n")}}
}

// open is what only an open question has: votes, who is asked next, buttons.
func (s *Story) open(c *Card, a *Asked, now time.Time) {
	q := a.Question
	var small []string
	for _, l := range people(q, now) {
		if !strings.Contains(l, "is asked next, in") {
			small = append(small, strings.TrimSpace(l))
		}
	}
	if q.Early {
		small = append(small, "The run has not come to it yet: an answer now costs no waiting.")
	}
	part := Part{Small: true, Text: strings.Join(small, "\n")}
	for _, e := range q.Escalates {
		if !e.Asked {
			part.Fields = append(part.Fields, Field{Name: e.Role, Text: "asked next", At: e.At})
			break
		}
	}
	if q.Digest != "" {
		part.Fields = append(part.Fields, Field{Name: "plan", Text: q.Plan()})
	}
	if part.Text != "" || len(part.Fields) > 0 {
		c.Parts = append(c.Parts, part)
	}
	c.Call, c.Ping, c.Wake = s.Can(a), pingOpen, time.Time{}
	for _, e := range q.Escalates {
		if e.Asked {
			c.Ping += "+@" + e.Role
		}
	}
	if !q.Expires.IsZero() && !q.Early {
		for _, r := range []struct {
			share float64
			name  string
		}{{remindFirst, pingHalf}, {remindLast, pingLate}} {
			at := a.Since.Add(time.Duration(r.share * float64(q.Expires.Sub(a.Since))))
			if slices.ContainsFunc(q.Escalates, func(e engine.Escalation) bool { return e.At.Sub(at).Abs() < time.Minute }) {
				continue // they are called then, because the next role is
			}
			if now.Before(at) {
				c.Wake = at
				break
			}
			c.Ping += "+" + r.name
		}
	}
	s.buttons(c, a)
}

// Again is why the people of a card are called again that were called about
// something before.
func (c Card) Again(before string) string {
	known := strings.Split(before, "+")
	var next []string
	why := "An answer is needed"
	for word := range strings.SplitSeq(c.Ping, "+") {
		switch {
		case slices.Contains(known, word), word == pingOpen:
		case word == pingHalf:
			why = "Half of the time is over"
		case word == pingLate:
			why = "Little time is left"
		default:
			next = append(next, strings.TrimPrefix(word, "@"))
		}
	}
	if len(next) > 0 {
		return "Nobody has answered yet, and " + strings.Join(next, " and ") + " is asked, too"
	}
	return why
}

func (s *Story) buttons(c *Card, a *Asked) {
	ref := s.Ref(a)
	switch a.Question.Kind {
	case engine.AskGate:
		yes := Button{Do: DoApprove, Label: "Approve", Value: ref, Good: true}
		if Irreversible(a.Question.Members) {
			yes.Confirm = "Not all of this can be undone. Approve it?"
		}
		c.Buttons = []Button{yes, {Do: DoDeny, Label: "Deny…", Value: ref, Bad: true}, {Do: DoDetails, Label: "Details", Value: ref}}
		c.Menu = []Button{{Do: DoExtend, Label: "Keep it open longer", Value: ref}, {Do: DoHand, Label: "Leave it to somebody…", Value: ref}, {Do: DoAsk, Label: "Ask a question…", Value: ref}}
	case engine.AskValue:
		c.Buttons = []Button{{Do: DoProvide, Label: "Answer…", Value: ref, Good: true}}
	default:
		for _, choice := range a.Question.Choices {
			c.Buttons = append(c.Buttons, Button{Do: DoChoose, Label: choiceLabel(choice), Value: ref + " " + choice, Confirm: "Say that: " + choiceLabel(choice) + "?"})
		}
	}
}

func choiceLabel(choice string) string {
	return map[string]string{
		engine.ChoiceAgain: "Again", engine.ChoiceAbort: "Abort", engine.ChoiceAccept: "Accept it", engine.ChoiceKeep: "Keep it as it is",
		engine.ChoiceUndo: "Undo it", engine.ChoiceForce: "Undo it all the same", engine.ChoiceResume: "Go on undoing",
		engine.ChoiceHappened: "It happened", engine.ChoiceNot: "It did not happen", engine.ChoicePartial: "Partly", engine.ChoiceUnknown: "Nobody knows",
		engine.ChoiceRelock: "Lock again", engine.ChoiceEnd: "End the run",
	}[choice]
}

// outcome is how a question ended.
func (s *Story) outcome(a *Asked) Part {
	var text string
	switch a.State {
	case Expired:
		text = "nobody answered in time"
	case Void:
		text = because("what was asked no longer holds", a.Reason)
	case Closed:
		text = "nobody needs an answer any more"
	default:
		text = because(s.decision(a), a.Reason)
	}
	if a.State != Void && a.State != Closed {
		text += " · waited " + Elapsed(a.At.Sub(a.Since))
	}
	if a.Undone != "" {
		text += "\nit did not hold: " + a.Undone
	}
	if len(a.Changed) > 0 {
		changed := make([]string, len(a.Changed))
		for i, c := range a.Changed {
			changed[i] = "  " + short(c)
		}
		text += "\nwhat differs:\n" + strings.Join(changed, "\n")
	}
	return Part{Title: "Outcome", Text: text, Fields: []Field{{Name: "At", At: a.At}}}
}

// Details is everything that a question shows, without cuts.
func (s *Story) Details(a *Asked) Card {
	c := Card{Title: a.Name, Parts: []Part{{Text: a.Question.Text}}}
	if why := s.Why(math.MaxInt); why != nil {
		c.Parts = append(c.Parts, *why)
	}
	for _, m := range a.Question.Members {
		p := s.would(m, 0)
		if m.Served != "" {
			p.Text += "by " + m.Served + "\n"
		}
		if len(m.Binding) > 0 {
			p.Text += "bound to " + string(m.Binding) + "\n"
		}
		c.Parts = append(c.Parts, p)
	}
	c.Parts = append(c.Parts, s.keeps(a.Question)...)
	return c
}

// Answer is how a question ended, in half a sentence, for whoever comes late.
func (s *Story) Answer(a *Asked, now time.Time) string {
	ago := Elapsed(now.Sub(a.At)) + " ago"
	switch a.State {
	case Announced:
		return "it is not asked yet"
	case Open:
		return "it is still open"
	case Expired:
		return "it expired " + ago
	case Void:
		return because("it became void "+ago, a.Reason) + "; answer the new question"
	case Closed:
		return "it was closed " + ago
	default:
		return because("it was "+s.decision(a)+" "+ago, a.Reason)
	}
}

// decision is how a question was decided, and by whom.
func (s *Story) decision(a *Asked) string {
	switch {
	case a.Question.Kind == engine.AskValue:
		return "answered by " + a.By + " with " + a.Choice
	case a.Choice == engine.ChoiceApprove:
		return "approved by " + or(Names(a.Question.Votes), a.By)
	case a.Choice == engine.ChoiceDeny:
		return "denied by " + a.By
	default:
		return "answered by " + a.By + " with \"" + strings.ToLower(or(choiceLabel(a.Choice), a.Choice)) + "\""
	}
}
