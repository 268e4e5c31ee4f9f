package server

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// Say is what a person says to a run. Each has a route of its own,
// POST /v1/runs/{id}/VERB, and is its body; see [sayings].
type Say interface {
	Verb() string
	// input is what the run is told.
	input(by string) engine.Input
}

// saying is something that people can say to a run.
type saying struct {
	body  Say
	about string
	do    handler
}

// sayings are all of them.
func (s *Server) sayings() []saying {
	return []saying{
		{VoteRequest{}, "Approve or deny what an open gate asks", s.vote},
		{WithdrawRequest{}, "Take back a yes", say[WithdrawRequest](s)},
		{HandRequest{}, "Leave the answer to a gate to somebody else", say[HandRequest](s)},
		{LookRequest{}, "Say that one has been shown an open question, for how long people take to look", say[LookRequest](s)},
		{ExtendRequest{}, "Keep a gate open longer", say[ExtendRequest](s)},
		{AnswerRequest{}, "Answer a question that is not a gate", say[AnswerRequest](s)},
		{ProvideRequest{}, "Give the value that a step asks for", say[ProvideRequest](s)},
		{CancelRequest{}, "Stop a run before its next change", say[CancelRequest](s)},
		{SkipRequest{}, "Pass over a step", say[SkipRequest](s)},
		{TakeOverRequest{}, "Take a run over", say[TakeOverRequest](s)},
		{HandBackRequest{}, "Give a run back that was taken over", say[HandBackRequest](s)},
		{BreakLockRequest{}, "Take a run's locks away", say[BreakLockRequest](s)},
	}
}

// say passes on what a person says to the run that a request names.
func say[T Say](s *Server) handler {
	return func(r *http.Request, by Caller) (int, any, error) {
		req, err := heard[T](r)
		if err != nil {
			return 0, nil, err
		}
		return s.give(r, req.input(by.Person))
	}
}

// heard reads what a person says, of which nothing may be missing.
func heard[T Say](r *http.Request) (req T, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return req, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if req, err = read[T](r); err != nil {
		return req, err
	}
	if missing := lacks(body, reflect.TypeFor[T]()); missing != "" {
		return req, invalid("the request is not what is expected here: %s is missing", missing)
	}
	return req, nil
}

// lacks is the first field of a request that must be there and is not: what a
// person is taken to have said, such as a no, is never what nobody has written.
func lacks(body []byte, request reflect.Type) string {
	var given map[string]json.RawMessage
	_ = json.Unmarshal(body, &given) // nothing is given in what is empty
	for f := range request.Fields() {
		name, optional, _ := strings.Cut(f.Tag.Get("json"), ",")
		if optional != "" {
			continue
		}
		there := false
		for key, value := range given {
			// encoding/json takes keys in any case, and leaves a field alone where null is given.
			there = there || strings.EqualFold(key, name) && (string(value) != "null" || f.Type == reflect.TypeFor[json.RawMessage]())
		}
		if !there {
			return name
		}
	}
	return ""
}

// vote passes on a yes or a no. A yes that names its plan by the beginning of
// the digest is one to the open question, if that is of this plan.
func (s *Server) vote(r *http.Request, by Caller) (int, any, error) {
	req, err := heard[VoteRequest](r)
	if err != nil {
		return 0, nil, err
	}
	if req.Approve && req.Digest != "" {
		run, err := s.cfg.Runs.Run(r.Context(), r.PathValue("id"))
		if err != nil {
			return 0, nil, err
		}
		if q := run.Questions[req.Question]; q != nil && q.Digest != "" && q.OtherPlan(req.Digest) == "" {
			req.Digest = q.Digest
		}
	}
	return s.give(r, req.input(by.Person))
}

// VoteRequest approves or denies what an open gate asks.
type VoteRequest struct {
	Question   string `json:"question"`
	Digest     string `json:"digest"` // of what was shown; a yes may have its beginning, as people are shown it
	Approve    bool   `json:"approve"`
	Keep       bool   `json:"keep,omitempty"`
	Reason     string `json:"reason,omitempty"`
	BreakGlass string `json:"break_glass,omitempty"`
}

// Verb implements [Say].
func (VoteRequest) Verb() string { return "votes" }

func (r VoteRequest) input(by string) engine.Input {
	return engine.Vote{
		By:         by,
		Question:   r.Question,
		Digest:     r.Digest,
		Approve:    r.Approve,
		Keep:       r.Keep,
		Reason:     r.Reason,
		BreakGlass: r.BreakGlass,
	}
}

// WithdrawRequest takes back a yes.
type WithdrawRequest struct {
	Path   string `json:"path"` // of the gate's step; its id will do
	Reason string `json:"reason,omitempty"`
}

// Verb implements [Say].
func (WithdrawRequest) Verb() string { return "withdraw" }

func (r WithdrawRequest) input(by string) engine.Input {
	return engine.Withdraw{By: by, Path: r.Path, Reason: r.Reason}
}

// HandRequest leaves the answer to a gate to somebody else.
type HandRequest struct {
	Question string `json:"question"`
	To       string `json:"to"` // a person of the configuration
	Reason   string `json:"reason,omitempty"`
}

// Verb implements [Say].
func (HandRequest) Verb() string { return "hand" }

func (r HandRequest) input(by string) engine.Input {
	return engine.Hand{By: by, Question: r.Question, To: r.To, Reason: r.Reason}
}

// ExtendRequest keeps a gate open longer.
type ExtendRequest struct {
	Question string  `json:"question"`
	Seconds  float64 `json:"seconds"`
}

// Verb implements [Say].
func (ExtendRequest) Verb() string { return "extend" }

func (r ExtendRequest) input(by string) engine.Input {
	return engine.Extend{By: by, Question: r.Question, For: time.Duration(r.Seconds * float64(time.Second))}
}

// LookRequest says that a person has been shown an open question. Of whoever may
// not answer it nothing is recorded.
type LookRequest struct {
	Question string `json:"question"`
}

// Verb implements [Say].
func (LookRequest) Verb() string { return "looks" }

func (r LookRequest) input(by string) engine.Input {
	return engine.LookedAt{By: by, Question: r.Question}
}

// AnswerRequest chooses one of the choices of a question that is not a gate.
type AnswerRequest struct {
	Question string `json:"question"`
	Choice   string `json:"choice"`
	Reason   string `json:"reason,omitempty"`
}

// Verb implements [Say].
func (AnswerRequest) Verb() string { return "answers" }

func (r AnswerRequest) input(by string) engine.Input {
	return engine.Answer{By: by, Question: r.Question, Choice: r.Choice, Reason: r.Reason}
}

// ProvideRequest gives the value that an ask step asks for.
type ProvideRequest struct {
	Question string          `json:"question"`
	Value    json.RawMessage `json:"value"` // of the type that is asked for
	Reason   string          `json:"reason,omitempty"`
}

// Verb implements [Say].
func (ProvideRequest) Verb() string { return "provide" }

func (r ProvideRequest) input(by string) engine.Input {
	return engine.Provide{By: by, Question: r.Question, Value: r.Value, Reason: r.Reason}
}

// CancelRequest stops a run before its next mutation.
type CancelRequest struct {
	Reason string `json:"reason,omitempty"`
	Undo   bool   `json:"undo,omitempty"` // also undo what is changed and not verified
}

// Verb implements [Say].
func (CancelRequest) Verb() string { return "cancel" }

func (r CancelRequest) input(by string) engine.Input {
	return engine.Cancel{By: by, Reason: r.Reason, Undo: r.Undo}
}

// SkipRequest passes over a step.
type SkipRequest struct {
	Path   string `json:"path"`
	Reason string `json:"reason,omitempty"`
}

// Verb implements [Say].
func (SkipRequest) Verb() string { return "skip" }

func (r SkipRequest) input(by string) engine.Input {
	return engine.Skip{By: by, Path: r.Path, Reason: r.Reason}
}

// TakeOverRequest leaves a run to the person who says so.
type TakeOverRequest struct {
	Reason string `json:"reason,omitempty"`
}

// Verb implements [Say].
func (TakeOverRequest) Verb() string { return "take-over" }

func (r TakeOverRequest) input(by string) engine.Input {
	return engine.TakeOver{By: by, Reason: r.Reason}
}

// HandBackRequest gives a run back that was taken over.
type HandBackRequest struct {
	To     string `json:"to"` // resume, verify or end
	Reason string `json:"reason,omitempty"`
}

// Verb implements [Say].
func (HandBackRequest) Verb() string { return "hand-back" }

func (r HandBackRequest) input(by string) engine.Input {
	return engine.HandBack{By: by, To: r.To, Reason: r.Reason}
}

// BreakLockRequest takes a run's locks away.
type BreakLockRequest struct {
	Reason string `json:"reason,omitempty"`
}

// Verb implements [Say].
func (BreakLockRequest) Verb() string { return "break-lock" }

func (r BreakLockRequest) input(by string) engine.Input {
	return engine.BreakLock{By: by, Reason: r.Reason}
}
