package chatops

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
)

// Story is a run as people are told of it: what has happened, and everything
// that was asked. It follows from the run and its records alone, so that it is
// the same whoever tells it, and after every restart.
type Story struct {
	Run   engine.Run // as it stands, with its runbook
	Lines []Told     // what has happened, in order
	Asked []*Asked   // what was asked, in order; what will be asked, too

	outline Outline
	command string              // the commands of the channel begin with it
	said    map[string][]string // by path: the last lines of the last call that failed
}

// Told is what a record says to people.
type Told struct {
	Seq int
	At  time.Time
	Own bool // it has a card of its own, or is no news to people
	Line
}

// AskState is where a question stands.
type AskState string

// The states of a question.
const (
	Announced AskState = "announced" // it will be asked as soon as it is known what
	Open      AskState = "open"
	Decided   AskState = "decided"
	Void      AskState = "void" // what was asked no longer holds
	Expired   AskState = "expired"
	Closed    AskState = "closed" // nobody needs the answer any more
)

// Asked is one question of a run, from its announcement to its end.
type Asked struct {
	Key      string // stable in the run
	Path     string
	Name     string // of its step
	Roles    []string
	State    AskState
	Question engine.Question // zero while it is only announced
	Since    time.Time       // when it was opened, or its turn came
	At       time.Time       // when it came to its state
	Choice   string
	By       string
	Reason   string
	Changed  []string // of a void one: what differs from what was shown
	Undone   string   // why what was decided did not hold
}

// NewStory tells a run. recs are its records, all of them up to now; command
// is what the channel's commands begin with.
func NewStory(run engine.Run, recs []engine.Record, command string) *Story {
	s := &Story{Run: run, outline: Outline{}, command: command, said: map[string][]string{}}
	run.Tree(func(step *runbook.Step, _ engine.Step) {
		s.outline[step.Path] = NewEntry(step.ID, step.Uses, step.Kind)
	})
	run.Tree(func(step *runbook.Step, _ engine.Step) {
		if step.Kind == runbook.KindForeach {
			s.outline.Number(step.Path)
		}
	})
	at := engine.New(&runbook.Runbook{})
	for _, rec := range recs {
		at = engine.Apply(at, rec)
		s.ask(&at, rec)
		for _, l := range s.outline.Lines(&at, rec, run.Facts.ID) {
			s.Lines = append(s.Lines, Told{Seq: rec.Seq, At: rec.At, Own: own(rec.Event), Line: l})
		}
	}
	return s
}

// own reports whether what an event says has a card of its own, or is no news
// while the run goes on.
func own(e engine.Event) bool {
	switch e.(type) {
	case engine.QuestionOpened, engine.QuestionDecided, engine.GateVoided, engine.NoticeQueued, engine.RunEnded, engine.RunRecovered:
		return true
	default:
		return false
	}
}

// ask follows what a record does to the questions. at is the run with it.
func (s *Story) ask(at *engine.Run, rec engine.Record) {
	switch e := rec.Event.(type) {
	case engine.QuestionAnnounced:
		s.Asked = append(s.Asked, s.newAsked(e.Path, e.Roles, Announced, rec.At))
	case engine.QuestionOpened:
		s.opened(e.Question, rec.At)
	case engine.QuestionDue:
		if a := s.byID(e.ID); a != nil {
			a.Since = rec.At
		}
	case engine.GateVoided:
		s.voided(e, rec.At)
	case engine.QuestionDecided:
		if a := s.byID(e.ID); a != nil {
			a.State, a.At, a.Choice, a.By, a.Reason = Decided, rec.At, e.Choice, e.By, e.Reason
			if e.Choice == engine.ChoiceExpired {
				a.State = Expired
			}
			if e.By != "" && e.Question == engine.AskGate && e.Choice == engine.ChoiceApprove {
				a.Question.Votes = append(slices.Clip(a.Question.Votes), engine.Yes{By: e.By, At: rec.At})
			}
		}
	case engine.StepSaid:
		s.said[e.Path] = e.Lines
	case engine.ValueProvided:
		if a := s.byID(e.ID); a != nil {
			a.State, a.At, a.Choice, a.By, a.Reason = Decided, rec.At, string(e.Value), e.By, e.Reason
		}
	}
	for _, a := range s.Asked {
		switch q := at.Questions[a.Question.ID]; {
		case a.State == Announced && at.Ended():
			a.State, a.At = Closed, rec.At
		case a.State != Open:
		case q == nil:
			a.State, a.At = Closed, rec.At
		default:
			a.Question = *q
		}
	}
}

func (s *Story) opened(q engine.Question, at time.Time) {
	a := s.last(q.Path)
	if a == nil || a.State != Announced {
		a = s.newAsked(q.Path, q.Roles, Open, at)
		s.Asked = append(s.Asked, a)
	}
	a.State, a.Question, a.Since, a.At, a.Roles = Open, q, at, at, q.Roles
}

func (s *Story) voided(e engine.GateVoided, at time.Time) {
	a := s.last(e.Path)
	switch {
	case a == nil:
	case a.State == Open:
		a.State, a.At, a.Reason, a.Changed = Void, at, e.Why, e.Changed
	case a.State == Decided && a.Choice == engine.ChoiceApprove:
		a.Undone, a.Changed = e.Why, e.Changed
	}
}

func (s *Story) newAsked(path string, roles []string, state AskState, at time.Time) *Asked {
	n := 1
	for _, a := range s.Asked {
		if a.Path == path {
			n++
		}
	}
	return &Asked{Key: key("ask", path, n), Path: path, Name: s.outline.Name(path), Roles: roles, State: state, Since: at, At: at}
}

// key names a part of a run, short enough for any channel.
func key(kind, path string, n int) string {
	return kind + "-" + short32(path+"\x00"+strings.Repeat("+", n))
}

func short32(text string) string {
	sum := sha256.Sum256([]byte(text))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

func (s *Story) last(path string) *Asked {
	for _, a := range slices.Backward(s.Asked) {
		if a.Path == path {
			return a
		}
	}
	return nil
}

func (s *Story) byID(id string) *Asked {
	for _, a := range s.Asked {
		if a.Question.ID == id {
			return a
		}
	}
	return nil
}

// Ref is what buttons about a question carry: the run, and a digest of the
// question and of what it showed. It says nothing to whoever reads it, and is
// worth nothing without an identity.
func (s *Story) Ref(a *Asked) string {
	return s.Run.Facts.ID + "." + short32(a.Question.ID+"\x00"+a.Question.Digest)
}

// RunOf is the run that a reference names; empty when it is no reference.
func RunOf(ref string) string {
	run, _, ok := strings.Cut(ref, ".")
	if !ok {
		return ""
	}
	return run
}

// ByRef is the question that a reference names; nil: there is none.
func (s *Story) ByRef(ref string) *Asked {
	for _, a := range s.Asked {
		if a.State != Announced && s.Ref(a) == ref {
			return a
		}
	}
	return nil
}

// Asks are the questions that are open.
func (s *Story) Asks() []*Asked {
	var open []*Asked
	for _, a := range s.Asked {
		if a.State == Open {
			open = append(open, a)
		}
	}
	return open
}

// MayAsk are the roles that the run may yet ask first, in the order of its
// runbook.
func (s *Story) MayAsk() []string {
	var roles []string
	if s.Run.Ended() {
		return nil
	}
	s.Run.Tree(func(step *runbook.Step, at engine.Step) {
		asking := step.Asking()
		if asking == nil || at.Done() || len(asking.Of) == 0 {
			return
		}
		if role := asking.Of[0].Role; !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	})
	return roles
}

// FirstRole is the role that the runbook asks first; empty when it asks none.
func (s *Story) FirstRole() string {
	first := ""
	s.Run.Tree(func(step *runbook.Step, _ engine.Step) {
		if asking := step.Asking(); first == "" && asking != nil && len(asking.Of) > 0 {
			first = asking.Of[0].Role
		}
	})
	return first
}

// Can are the people who can still answer a question, of the roles that have
// been asked so far: not who started the run, has said yes, or has left it to
// somebody else. Whether a word counts is the engine's to say.
func (s *Story) Can(a *Asked) []string {
	q := a.Question
	later := map[string]bool{}
	for _, e := range q.Escalates {
		later[e.Role] = !e.Asked
	}
	var people []string
	add := func(name string) {
		if !slices.Contains(people, name) && !strings.HasPrefix(name, service.MachinePrefix) {
			people = append(people, name)
		}
	}
	for _, role := range a.Roles {
		if !later[role] {
			for _, name := range s.Run.Facts.Roles[role].People {
				add(name)
			}
		}
	}
	for _, h := range q.Handed {
		add(h.To)
	}
	requester := s.Run.Facts.Requester
	return slices.DeleteFunc(people, func(name string) bool {
		return requester.Answers() && requester.Name == name && !q.Self && a.State != Announced ||
			slices.ContainsFunc(q.Votes, func(y engine.Yes) bool { return y.By == name }) ||
			slices.ContainsFunc(q.Handed, func(h engine.Handed) bool { return h.By == name })
	})
}
