package enginetest

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// who may say something in a town: people with roles, who started the run, and
// somebody who is nobody.
var who = []string{"alice", "alice", "bob", "bob", "carol", "dora", "os:mallory"}

// say is a kind of thing that people say to a run without being asked.
type say struct {
	weight int
	make   func(l *life, by string) engine.Person
}

// says are all of them. A new input of people gets a line here, and one in
// [ghost.person].
var says = []say{
	{2, func(_ *life, by string) engine.Person { return engine.Halt{By: by} }},
	{1, func(_ *life, by string) engine.Person { return engine.Halt{By: by, Service: "api"} }},
	{1, func(_ *life, by string) engine.Person { return engine.Hold{By: by, Service: "api"} }},
	{1, func(_ *life, by string) engine.Person { return engine.Lift{By: by} }},
	{1, func(_ *life, by string) engine.Person {
		return engine.Lift{By: by, Kind: engine.StopHold, Service: "api"}
	}},
	{3, func(_ *life, by string) engine.Person { return engine.TakeOver{By: by} }},
	{1, func(_ *life, by string) engine.Person { return engine.HandBack{By: by, To: engine.HandResume} }},
	{1, func(_ *life, by string) engine.Person { return engine.BreakLock{By: by} }},
	{2, func(l *life, by string) engine.Person { return engine.Withdraw{By: by, Path: l.anyPath()} }},
	{2, func(l *life, by string) engine.Person { return engine.Skip{By: by, Path: l.anyPath()} }},
	{1, func(_ *life, by string) engine.Person { return engine.Cancel{By: by} }},
	{1, func(_ *life, by string) engine.Person { return engine.Cancel{By: by, Undo: true} }},
	{1, func(_ *life, by string) engine.Person { return engine.UndoRun{By: by} }},
}

// anyPath is a step: mostly one that is doing something.
func (l *life) anyPath() string {
	var paths, busy []string
	for _, step := range l.ghost().book.All() {
		paths = append(paths, step.Path)
		if s := l.run.Step(step.Path); s.Doing != engine.DoingNothing && !s.Done() {
			busy = append(busy, step.Path)
		}
	}
	if len(busy) > 0 && !l.once(3) {
		paths = busy
	}
	return pick(l.choices, paths...)
}

// people say something: right, wrong, too late, twice, or by nobody who may.
// What they say may be lost on its way, or come late and in another order.
func (l *life) people() {
	if len(l.mail) > 0 && l.once(3) {
		i := l.IntN(len(l.mail))
		in := l.mail[i]
		if !l.once(3) { // else it will come once more
			l.mail = append(l.mail[:i:i], l.mail[i+1:]...)
		}
		l.give(in, true)
		return
	}
	in := l.saying(pick(l.choices, who...))
	if l.once(4) {
		l.mail = append(l.mail, in)
		return
	}
	l.give(in, true)
}

func (l *life) saying(by string) engine.Person {
	qs := l.run.OpenQuestions()
	if len(qs) > 0 && !l.once(3) {
		return l.opinion(qs[l.IntN(len(qs))], by)
	}
	for _, s := range l.ghost().standing() {
		if s.Kind == engine.StopTakeOver && l.once(2) {
			return engine.HandBack{By: by, To: pick(l.choices, engine.HandResume, engine.HandVerify, engine.HandEnd)}
		}
	}
	all := 0
	for _, s := range says {
		all += s.weight
	}
	k := l.IntN(all)
	for _, s := range says {
		if k -= s.weight; k < 0 {
			return s.make(l, by)
		}
	}
	return engine.Lift{By: by}
}

func (l *life) opinion(q engine.Question, by string) engine.Person {
	if q.Kind == engine.AskGate {
		switch {
		case len(q.Votes) > 0 && l.once(3):
			return engine.Withdraw{By: q.Votes[0].By, Path: q.Path}
		case len(q.Handed) > 0 && l.once(2): // all the same
			by = q.Handed[0].By
		}
		switch l.IntN(12) {
		case 10:
			return engine.Hand{By: by, Question: q.ID, To: pick(l.choices, who...)}
		case 11:
			return engine.Extend{By: by, Question: q.ID, For: time.Duration(1+l.IntN(6)) * time.Minute}
		}
		v := engine.Vote{By: by, Question: q.ID, Digest: q.Digest, Approve: !l.once(5), Keep: l.once(3)}
		switch l.IntN(10) {
		case 8:
			v.Digest = "sha256:older"
		case 9:
			v.BreakGlass = "by chance"
		}
		return v
	}
	if q.Kind == engine.AskValue {
		return engine.Provide{By: by, Question: q.ID, Value: json.RawMessage(pick(l.choices, "7", "7", "3.5", `"many"`, "null"))}
	}
	a := engine.Answer{By: by, Question: q.ID, Choice: pick(l.choices, q.Choices...)}
	switch {
	case l.once(20):
		a.Choice = "nonsense"
	case q.Kind == engine.AskDoubt && !l.once(4):
		a.Choice = l.truth(q)
	}
	return a
}

// truth is what became of a call that is in doubt.
func (l *life) truth(q engine.Question) string {
	if c := l.ghost().doubted(q); c != nil && c.happened {
		return engine.ChoiceHappened
	}
	return engine.ChoiceNot
}

// kindly answers what people are asked, lifts what stands.
func (l *life) kindly() bool {
	for _, s := range l.ghost().standing() {
		switch s.Kind {
		case engine.StopTakeOver:
			l.give(engine.HandBack{By: "alice", To: engine.HandResume}, false)
		case engine.StopLock: // they are asked about it
			continue
		default:
			l.give(engine.Lift{By: "alice", Kind: s.Kind, Service: s.Service}, false)
		}
		return true
	}
	for _, rule := range slices.Sorted(maps.Keys(l.ghost().freezes)) {
		l.give(engine.Lift{By: rule, Kind: engine.StopFreeze, Service: l.facts.Service}, false)
		return true
	}
	for _, q := range l.run.OpenQuestions() {
		if q.Kind == engine.AskGate {
			by := l.ghost().voter(q)
			if !q.Expires.IsZero() && l.now.After(q.Expires) || by == "" {
				continue
			}
			l.give(engine.Vote{By: by, Question: q.ID, Digest: q.Digest, Approve: true}, false)
			return true
		}
		if q.Kind == engine.AskValue {
			by := "alice"
			if !l.ghost().inOne(by, l.ghost().book.Step(q.Path).Ask.Of) {
				by = "carol"
			}
			if l.now.After(q.Expires) {
				continue
			}
			l.give(engine.Provide{By: by, Question: q.ID, Value: json.RawMessage("5")}, false)
			return true
		}
		choice := l.kindAnswer(q)
		if choice == "" {
			l.failf("nobody knows how to answer %+v", q)
		}
		l.give(engine.Answer{By: "alice", Question: q.ID, Choice: choice}, false)
		return true
	}
	return false
}

func (l *life) kindAnswer(q engine.Question) string {
	switch q.Kind {
	case engine.AskVerdict:
		return []string{engine.ChoiceAccept, engine.ChoiceUndo}[l.run.Seq%2]
	case engine.AskDrift:
		return []string{engine.ChoiceForce, engine.ChoiceKeep}[l.run.Seq%2]
	case engine.AskLock:
		return []string{engine.ChoiceRelock, engine.ChoiceEnd}[l.run.Seq%2]
	case engine.AskAgain:
		return engine.ChoiceAbort
	case engine.AskResume:
		return engine.ChoiceResume
	case engine.AskDoubt:
		return l.truth(q)
	default:
		return ""
	}
}
