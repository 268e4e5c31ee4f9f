package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// maxExtensions is how often a question may be kept open longer.
const maxExtensions = 3

// openGate is the open gate that a person means, or why there is none.
func (d *decider) openGate(question string) (*Question, string) {
	q, refusal := d.openQuestion(question)
	switch {
	case refusal != "":
		return nil, refusal
	case q.Kind == AskValue:
		return nil, "that question is not a gate; it asks for a value"
	case q.Kind != AskGate:
		return nil, "that question is not a gate; its choices are " + strings.Join(q.Choices, ", ")
	}
	return q, ""
}

// openQuestion is the open question that a person means, or why there is none.
func (d *decider) openQuestion(question string) (*Question, string) {
	q := d.run.Questions[question]
	switch {
	case q == nil:
		return nil, "that question is closed; `firebreak runs show " + d.run.Facts.ID + "` says what is open"
	case !q.Expires.IsZero() && d.now.After(q.Expires):
		return nil, "the question has expired"
	}
	return q, ""
}

// mayVote says whether a person may answer a gate: by a role, or because
// somebody who may left it to them, and not if they have left it to somebody
// else. broken: it takes the glass to be broken, for which glass is the reason.
func (d *decider) mayVote(person string, q *Question, self bool, glass string) (broken bool, refusal string) {
	rules := d.rules()
	for _, h := range q.Handed {
		if h.By == person && (glass == "" || !rules.MayBreak(person)) {
			return false, fmt.Sprintf("%s has left this to %s", person, h.To)
		}
		if rules.Known(h.To) && (rules.In(h.By, q.Roles) || slices.Contains(rules.Handed, h.By)) {
			rules.Handed = append(rules.Handed, h.To)
		}
	}
	broken, refusal = rules.MayAnswer(person, q.Roles, self, glass)
	alone := glass != "" && q.others(person)+1 < q.Quorum && rules.MayBreak(person)
	return broken || refusal == "" && alone, refusal
}

// answerable is how many people may answer a gate once somebody has left it to
// somebody else.
func (d *decider) answerable(q *Question, handed []Handed) int {
	rules, people := d.rules(), map[string]bool{}
	for _, role := range q.Roles {
		for _, person := range rules.Members[role] {
			people[person] = q.Self || person != rules.Requester
		}
	}
	for _, h := range handed {
		people[h.By], people[h.To] = false, true
	}
	n := 0
	for _, may := range people {
		if may {
			n++
		}
	}
	return n
}

// tooMuch says which change of a gate touches more than a person may say yes
// to; empty: none.
func (d *decider) tooMuch(person string, q *Question) string {
	touches := make([]policy.Touch, 0, len(q.Members))
	for _, m := range q.Members {
		touches = append(touches, policy.Touch{What: m.Path, Unit: m.Unit, Affected: m.Affected, Total: m.Total})
	}
	return d.rules().MayTouch(person, q.Roles, touches)
}

func (d *decider) vote(v Vote) string {
	q, refusal := d.openGate(v.Question)
	if refusal != "" {
		return refusal
	}
	if v.Approve && v.Digest != q.Digest {
		return "what you were shown is not what would be done now" + q.differs() + "; look again and answer the new question"
	}
	glass, refusal := d.mayVote(v.By, q, q.Self || !v.Approve, v.BreakGlass)
	if refusal != "" {
		return refusal
	}
	if !v.Approve {
		d.denied(q, v)
		return ""
	}
	if over := d.tooMuch(v.By, q); over != "" {
		switch may := d.rules().MayBreak(v.By); {
		case may && v.BreakGlass == "":
			return over + "; in an emergency: --break-glass REASON"
		case !may:
			return over
		}
		glass = true
	}
	if q.Frozen != "" {
		if refusal := d.passFreeze(v, q); refusal != "" {
			return refusal
		}
		glass = true
	}
	if !glass && q.others(v.By) < len(q.Votes) {
		refusal := fmt.Sprintf("%s has said yes already, as %d of %d have", v.By, len(q.Votes), q.Quorum)
		if d.rules().MayBreak(v.By) {
			refusal += "; in an emergency: --break-glass REASON"
		}
		return refusal
	}
	if !glass && len(q.Votes)+1 < q.Quorum {
		d.emit(VoteCounted{ID: q.ID, Path: q.Path, Digest: v.Digest, By: v.By, Via: v.Via})
		return ""
	}
	e := QuestionDecided{ID: q.ID, Question: AskGate, Path: q.Path, Digest: v.Digest, Choice: ChoiceApprove, By: v.By, Reason: v.Reason, ValidUntil: d.validUntil(q.Path), Via: v.Via,
		OpenFor: d.openFor(q), Asked: d.asked(q, v.By)}
	if glass {
		e.BreakGlass = v.BreakGlass
		d.emit(NoticeQueued{To: d.pageTo(q.Path), Page: true, Text: fmt.Sprintf("%s broke the glass at %s of run %s: %s",
			v.By, d.label(q.Path), d.run.Facts.ID, v.BreakGlass)})
	}
	d.emit(e)
	return ""
}

// passFreeze says why a yes does not pass a freeze, or nothing: it takes
// somebody who may break the glass, and says why.
func (d *decider) passFreeze(v Vote, q *Question) string {
	switch may := d.rules().MayBreak(v.By); {
	case may && v.BreakGlass != "":
		return ""
	case may:
		return q.Frozen + "; wait for its end, or in an emergency: --break-glass REASON"
	default:
		return q.Frozen + "; wait for its end; in an emergency it takes somebody who may break the glass, and " + v.By + " may not"
	}
}

// denied takes a no. One is enough, whatever the quorum.
func (d *decider) denied(q *Question, v Vote) {
	d.emit(QuestionDecided{ID: q.ID, Question: AskGate, Path: q.Path, Digest: v.Digest, Choice: ChoiceDeny, By: v.By, Reason: v.Reason, Via: v.Via, OpenFor: d.openFor(q), Asked: d.asked(q, v.By)})
	reason := v.By + " said no"
	if v.Reason != "" {
		reason += ": " + v.Reason
	}
	d.notApproved(q, Cause{Kind: CauseRefused, Path: q.Path, Class: "denied", Reason: reason, By: v.By, Keep: v.Keep})
}

// withdraw takes back a yes. Where it had decided, the gate is asked again.
func (d *decider) withdraw(in Withdraw) string {
	path := in.Path
	if s := d.run.Book.ByID(path); s != nil {
		path = s.Path
	}
	said := func(y Yes) bool { return y.By == in.By }
	if q := d.run.question(AskGate, path); q != nil && slices.ContainsFunc(q.Votes, said) {
		d.emit(VoteWithdrawn{ID: q.ID, Path: path, By: in.By, Reason: in.Reason})
		return ""
	}
	g := d.run.gate(path)
	switch {
	case !slices.ContainsFunc(g.Yes, said):
		return fmt.Sprintf("%s has not said yes to %s", in.By, in.Path)
	case g.State != GateApproved:
		return "what was approved has begun; cancel the run instead, with --undo if need be"
	}
	why := in.By + " took back their yes"
	if in.Reason != "" {
		why += ": " + in.Reason
	}
	d.void(path, why, nil, false)
	return ""
}

// hand leaves the answer to somebody else, who need not be in the gate's
// roles, and must be in one.
func (d *decider) hand(in Hand) string {
	q, refusal := d.openGate(in.Question)
	if refusal != "" {
		return refusal
	}
	if _, refusal := d.mayVote(in.By, q, q.Self, ""); refusal != "" {
		return refusal
	}
	switch rules := d.rules(); {
	case in.To == in.By:
		return "it is with you already"
	case slices.ContainsFunc(q.Votes, func(y Yes) bool { return y.By == in.By }):
		return "you have said yes already; withdraw that first"
	case in.To == rules.Requester && !q.Self:
		return in.To + " started the run, and nobody approves their own request"
	case !rules.Known(in.To):
		return in.To + " has no role in firebreak.yaml"
	case slices.ContainsFunc(q.Handed, func(h Handed) bool { return h.By == in.To }):
		return in.To + " has left this to somebody else"
	case d.answerable(q, append(slices.Clone(q.Handed), Handed{By: in.By, To: in.To})) < q.Quorum:
		return fmt.Sprintf("then fewer than %d people could answer it", q.Quorum)
	}
	d.emit(QuestionHanded{ID: q.ID, Path: q.Path, By: in.By, To: in.To, Reason: in.Reason, Via: in.Via})
	d.emit(NoticeQueued{To: in.To, Text: fmt.Sprintf("%s leaves it to you to answer run %s about %s", in.By, d.run.Facts.ID, d.label(q.Path))})
	return ""
}

// extend keeps a gate open longer: each time by what the runbook gives it in
// all, at the most, and not for ever.
func (d *decider) extend(in Extend) string {
	q, refusal := d.openGate(in.Question)
	if refusal != "" {
		return refusal
	}
	if _, refusal := d.mayVote(in.By, q, q.Self, ""); refusal != "" {
		return refusal
	}
	most := undoValidFor
	if step := d.run.Book.Step(q.Path); step != nil && step.Approve != nil {
		most = step.Approve.Expires()
	}
	switch {
	case q.Early:
		return "its time has not begun: the run has not come to " + q.Path
	case q.Frozen != "":
		return "its time has not begun: " + q.Frozen
	case in.For < 0 || in.For > most:
		return fmt.Sprintf("a question is kept open for up to %s longer at a time", most)
	case q.Extensions >= maxExtensions:
		return fmt.Sprintf("it has been kept open %d times already; answer it, or let it expire and start again", maxExtensions)
	}
	more := in.For
	if more == 0 {
		more = most
	}
	d.emit(QuestionExtended{ID: q.ID, Path: q.Path, By: in.By, Expires: q.Expires.Add(more), Via: in.Via})
	return ""
}

// escalate asks the next role of a question that nobody has answered.
func (d *decider) escalate(id string) {
	q := d.run.Questions[id]
	for _, e := range q.Escalates {
		if e.Asked {
			continue
		}
		d.emit(QuestionEscalated{ID: id, Path: q.Path, Role: e.Role})
		d.emit(NoticeQueued{To: e.Role, Page: true, About: id, Text: fmt.Sprintf("run %s of %s waits for an answer about %s, and nobody has given one yet",
			d.run.Facts.ID, d.run.Facts.Runbook, q.Path)})
		return
	}
}

// reachable says why a gate of the runbook could never be passed: fewer people
// may answer it than must say yes. Where the glass can be broken, it can.
func (d *decider) reachable(rules policy.Facts) string {
	if rules.Breakable() {
		return ""
	}
	for _, s := range d.run.Book.All() {
		if s.Approve == nil || s.Approve.Quorum < 2 {
			continue
		}
		if n := rules.Count(roles(s.Approve.Of), s.Approve.Self); n < s.Approve.Quorum {
			return fmt.Sprintf("%s needs %d people to say yes, and %d may", s.Path, s.Approve.Quorum, n)
		}
	}
	return ""
}

// escalations of what is asked now: each role after the first, when the
// time of those before is over.
func escalations(asked []runbook.Asked, now time.Time) []Escalation {
	var out []Escalation
	for i, of := range asked {
		if i > 0 {
			out = append(out, Escalation{Role: of.Role, At: now})
		}
		now = now.Add(of.For)
	}
	return out
}
