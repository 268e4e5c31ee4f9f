package server

import (
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// View is a run as people and programs see it. Readers ignore fields that
// they do not know.
type View struct {
	ID            string                     `json:"id"`
	Runbook       string                     `json:"runbook"`
	Title         string                     `json:"title,omitempty"`
	Service       string                     `json:"service,omitempty"`
	Environment   string                     `json:"environment,omitempty"`
	Requester     engine.Requester           `json:"requester"`
	Inputs        map[string]json.RawMessage `json:"inputs,omitempty"`
	RetryOf       string                     `json:"retry_of,omitempty"`
	From          string                     `json:"from,omitempty"` // of a retry: the step that it began with
	UndoOf        string                     `json:"undo_of,omitempty"`
	UndoneBy      string                     `json:"undone_by,omitempty"` // the run that undoes it, or has undone some of it
	Digest        string                     `json:"digest"`              // of the runbook, with those that it calls
	Origins       []policy.Origin            `json:"origins,omitempty"`   // where they are from
	Phase         engine.Phase               `json:"phase"`
	Word          engine.Word                `json:"word,omitempty"` // empty until the run has ended
	Cause         *engine.Cause              `json:"cause,omitempty"`
	Bar           *engine.Bar                `json:"bar,omitempty"`        // the rule that bars it from changes
	WouldHave     *engine.WouldHave          `json:"would_have,omitempty"` // what it would have done but for that
	Changes       []engine.ServiceChange     `json:"changes,omitempty"`    // that others have made to the service since it began
	Stops         []engine.Stop              `json:"stops,omitempty"`      // that keep it from changing anything
	Seq           int                        `json:"seq"`
	StartedAt     time.Time                  `json:"started_at"`
	EndedAt       time.Time                  `json:"ended_at,omitzero"`
	PeopleSeconds float64                    `json:"people_seconds"` // how long people were waited for
	Waits         []engine.Wait              `json:"waits"`
	Blocker       string                     `json:"blocker,omitempty"` // the run that has the locks which it waits for
	Steps         []StepView                 `json:"steps"`             // in the runbook's order
	Outputs       json.RawMessage            `json:"outputs,omitempty"` // what the run returned
	Questions     []engine.Question          `json:"questions"`
	Approved      []Approved                 `json:"approved,omitempty"` // in the runbook's order
	Answers       []Answer                   `json:"answers,omitempty"`  // of questions that were decided, in their order
	Ledger        []LedgerRow                `json:"ledger"`
}

// LedgerRow is an attempt of a change.
type LedgerRow struct {
	engine.Row
	UndoneBy string `json:"undone_by,omitempty"` // the run that has undone it after this one had ended
}

// Approved is a gate that people have said yes to and that nothing has begun
// under.
type Approved struct {
	Path  string       `json:"path"`
	Votes []engine.Yes `json:"votes"`
	Until time.Time    `json:"until,omitzero"` // how long that holds
}

// Answer is how a question was decided, and how long that took.
type Answer struct {
	Path     string              `json:"path"`
	Question engine.QuestionKind `json:"question"`
	Choice   string              `json:"choice,omitempty"` // of a value nothing
	By       string              `json:"by,omitempty"`     // nobody: it expired
	At       time.Time           `json:"at"`
	Seconds  float64             `json:"seconds"` // that it was open, less the time in which nobody could answer
	Asked    []AskedRole         `json:"asked"`   // the roles that were asked, or have answered
}

// AskedRole is a role that was asked a question, and how long it took, from when it
// was asked.
type AskedRole struct {
	Role          string   `json:"role"`
	LookSeconds   *float64 `json:"look_seconds,omitempty"`   // until somebody of it looked; missing: nobody has
	AnswerSeconds *float64 `json:"answer_seconds,omitempty"` // until the word of somebody of it counted; missing: none has
}

func newAnswer(a engine.Answered) Answer {
	v := Answer{Path: a.Path, Question: a.Question, Choice: a.Choice, By: a.By, At: a.At, Seconds: a.OpenFor.Seconds(), Asked: []AskedRole{}}
	for _, of := range a.Asked {
		v.Asked = append(v.Asked, AskedRole{Role: of.Role, LookSeconds: seconds(of.Looked), AnswerSeconds: seconds(of.Answered)})
	}
	return v
}

func seconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.Seconds()
	return &s
}

// StepView is a step, or a group of steps. What is inside a group follows it
// and has its path as a prefix.
type StepView struct {
	Path          string          `json:"path"`
	ID            string          `json:"id,omitempty"`
	Kind          runbook.Kind    `json:"kind"`
	Uses          string          `json:"uses,omitempty"`
	Status        engine.Status   `json:"status"`
	Doing         engine.Doing    `json:"doing,omitempty"`
	Attempt       int             `json:"attempt,omitempty"`
	StartedAt     time.Time       `json:"started_at,omitzero"`
	EndedAt       time.Time       `json:"ended_at,omitzero"`
	Effect        engine.Effect   `json:"effect,omitempty"`
	Failure       *engine.Failure `json:"failure,omitempty"`
	Outputs       json.RawMessage `json:"outputs,omitempty"`
	AskedSeconds  float64         `json:"asked_seconds,omitempty"`  // how long its questions were open, and those of what is inside it
	WaitedSeconds float64         `json:"waited_seconds,omitempty"` // of that, how long the run waited for the answers
	Accepted      string          `json:"accepted,omitempty"`       // by whom, instead of a passed verify
}

// NewView shows a run. now is for what is still counting.
func NewView(r engine.Run, now time.Time) View {
	v := View{
		ID:            r.Facts.ID,
		Runbook:       r.Facts.Runbook,
		Title:         r.Book.Title,
		Service:       r.Facts.Service,
		Environment:   r.Facts.Environment,
		Requester:     r.Facts.Requester,
		Inputs:        r.Facts.Inputs,
		RetryOf:       r.Facts.RetryOf,
		From:          r.Facts.From,
		UndoOf:        r.Facts.UndoOf,
		Digest:        r.Facts.Pins.Runbook,
		Origins:       r.Facts.Origins,
		Phase:         r.Phase,
		Word:          r.Word,
		Cause:         r.Cause,
		Bar:           r.Bar,
		WouldHave:     r.WouldHave,
		Changes:       r.Changes,
		Stops:         r.Stops,
		Seq:           r.Seq,
		StartedAt:     r.StartedAt,
		EndedAt:       r.EndedAt,
		PeopleSeconds: r.PeopleSeconds(now),
		Waits:         append([]engine.Wait{}, r.Waits()...),
		Steps:         []StepView{},
		Outputs:       r.Outputs,
		Questions:     append([]engine.Question{}, r.OpenQuestions()...),
		Ledger:        []LedgerRow{},
	}
	r.Tree(func(s *runbook.Step, at engine.Step) {
		waited := r.WaitedFor(s.Path, now)
		v.Steps = append(v.Steps, StepView{
			Path:      s.Path,
			ID:        s.ID,
			Kind:      s.Kind,
			Uses:      s.Uses,
			Status:    r.StatusOf(s.Path),
			Doing:     at.Doing,
			Attempt:   at.Attempt,
			StartedAt: at.StartedAt,
			EndedAt:   at.EndedAt,
			Effect:    at.Effect,
			Failure:   at.Failure,
			Outputs:   at.Outputs,
			Accepted:  at.Accepted,

			AskedSeconds: waited.Asked.Seconds(), WaitedSeconds: waited.Held.Seconds(),
		})
		if g := r.Gates[s.Path]; g != nil && g.State == engine.GateApproved {
			v.Approved = append(v.Approved, Approved{Path: s.Path, Votes: g.Yes, Until: g.ValidUntil})
		}
	})
	for _, a := range r.Answers {
		v.Answers = append(v.Answers, newAnswer(a))
	}
	for _, row := range r.Ledger {
		v.Ledger = append(v.Ledger, LedgerRow{Row: *row})
	}
	return v
}
