package chatops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/forecast"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Runs is what a [Desk] does with runs. Errors may have Class() and Hint().
type Runs interface {
	Run(ctx context.Context, id string) (engine.Run, error)
	// Records are all records of a run, in their order.
	Records(ctx context.Context, id string) ([]engine.Record, error)
	// Give gives a run an input; an [*engine.Refusal] says that the person
	// may not do that.
	Give(ctx context.Context, id string, in engine.Input) error
	// List lists runs, newest first.
	List(ctx context.Context, open bool, limit int) ([]engine.Head, error)
}

// Starts is how a [Desk] begins runs.
type Starts interface {
	Books() []*runbook.Runbook
	// Start begins a run. However often it is called with a wish, one run
	// begins.
	Start(ctx context.Context, w Wish, book *runbook.Runbook, inputs map[string]json.RawMessage) (run string, err error)
	// Retry goes on with a run that has ended; of one wish, once.
	Retry(ctx context.Context, w Wish, run, from string) (string, error)
	// Plan looks ahead and changes nothing.
	Plan(ctx context.Context, by string, book *runbook.Runbook, inputs map[string]json.RawMessage) (*forecast.Forecast, error)
}

// Stops is how a [Desk] stops and lets go on.
type Stops interface {
	Standing() []engine.Stop
	Order(ctx context.Context, by string, kind engine.StopKind, service, reason string, on bool) error
}

// Wish is that somebody wants a run to begin.
type Wish struct {
	By  string
	Key string // the same when it is heard again
	At  time.Time
}

// Reply is what somebody is answered.
type Reply struct {
	Text  string // for them alone
	Code  string // below it, as it is
	Card  *Card  // instead of Text
	Form  *Form  // to be filled in
	Aloud string // said to everybody in the thread of Run
	Run   string // the run that it is about
}

// Form is what somebody is asked to fill in.
type Form struct {
	Do     Do
	Value  string // comes back with what was filled in
	Title  string
	Submit string
	Text   string
	Fields []FormField
}

// FormField is one thing to fill in.
type FormField struct {
	Name, Label, Hint, Initial string
	Optional, Long             bool
	Choices                    []string // nil: any text
}

// What forms are for, besides what buttons do.
const (
	DoRun  Do = "run"
	DoPick Do = "pick"
)

// Desk answers what people do in a chat. The rules of who may do what are the
// engine's; the desk brings it their words, and brings back what it said. Its
// methods may be called from any goroutine at the same time.
type Desk struct {
	Runs     Runs
	Starts   Starts
	Stops    Stops
	Services []string                     // names
	Roles    func(person string) []string // that somebody has, in their order
	Command  string                       // what commands begin with
	Now      func() time.Time
}

// Story tells a run.
func (d *Desk) Story(ctx context.Context, id string) (*Story, error) {
	run, err := d.Runs.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	recs, err := d.Runs.Records(ctx, id)
	if err != nil {
		return nil, err
	}
	return NewStory(run, recs, d.Command), nil
}

// unavailable reports whether an error says nothing about what was asked: it
// may be asked again.
func unavailable(err error) bool {
	var classed interface{ Class() string }
	if errors.As(err, &classed) {
		return classed.Class() == "closed" || classed.Class() == "journal"
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// explain is an error as a sentence for the person, with what to do next.
func explain(err error) string {
	text := err.Error()
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		text += "; " + strings.ReplaceAll(hinted.Hint(), "`", "")
	}
	return text
}

// Press answers a button. The error is one after which it should be pressed
// again by whoever keeps what was heard; everything else is a reply.
func (d *Desk) Press(ctx context.Context, who Speaker, do Do, value string) (Reply, error) {
	ref, choice, _ := strings.Cut(value, " ")
	s, a, reply, err := d.find(ctx, ref)
	if a == nil || err != nil {
		return reply, err
	}
	if do == DoDetails && who.Person == "" {
		return Reply{Run: reply.Run, Text: sentence(who.Refusal)}, nil
	}
	if do == DoDetails {
		if err := d.looks(ctx, s, a, who); err != nil {
			return Reply{}, err
		}
		c := s.Details(a)
		return Reply{Card: &c, Run: reply.Run}, nil
	}
	if late, ok := d.late(s, a, who, do, choice); ok {
		return late, nil
	}
	if who.Person != "" {
		if f := d.form(s, a, do, ref); f != nil {
			if err := d.looks(ctx, s, a, who); err != nil {
				return Reply{}, err
			}
			return Reply{Form: f, Run: reply.Run}, nil
		}
	}
	return d.say(ctx, s, a, who, do, map[string]string{"choice": choice})
}

// looks takes note of who looks at a question before they answer it. Its error
// is as that of [Desk.Press].
func (d *Desk) looks(ctx context.Context, s *Story, a *Asked, who Speaker) error {
	if who.Person == "" || a.State != Open {
		return nil
	}
	if err := d.Runs.Give(ctx, s.Run.Facts.ID, engine.LookedAt{By: who.Person, Question: a.Question.ID, Via: who.Via}); unavailable(err) {
		return err
	}
	return nil // it is closed by now, and what was pressed is answered so
}

// find finds what a reference names. Without it, the reply says so.
func (d *Desk) find(ctx context.Context, ref string) (*Story, *Asked, Reply, error) {
	id := RunOf(ref)
	reply := Reply{Run: id, Text: "That question is not known any more. Ask " + d.Command + " status with the id of the run."}
	s, err := d.Story(ctx, id)
	switch {
	case err != nil && unavailable(err):
		return nil, nil, reply, err
	case err != nil:
		reply.Text = explain(err)
		return nil, nil, reply, nil
	}
	return s, s.ByRef(ref), reply, nil
}

// late answers about a question that is open no more.
func (d *Desk) late(s *Story, a *Asked, who Speaker, do Do, choice string) (Reply, bool) {
	if a.State == Open {
		return Reply{}, false
	}
	said := map[Do]string{DoApprove: engine.ChoiceApprove, DoDeny: engine.ChoiceDeny, DoChoose: choice, DoProvide: a.Choice}[do]
	reply := Reply{Run: s.Run.Facts.ID, Text: "Too late: " + s.Answer(a, d.Now()) + "."}
	if a.State == Decided && a.By == who.Person && a.Choice == said {
		reply.Text = "That is your word already: " + s.Answer(a, d.Now()) + "."
	}
	return reply, true
}

// form is what must be filled in before something can be said.
func (d *Desk) form(s *Story, a *Asked, do Do, ref string) *Form {
	f := &Form{Do: do, Value: ref, Submit: "Send", Text: s.Ask(a, d.Now()).Brief}
	reason := FormField{Name: "reason", Label: "Why", Long: true}
	switch do {
	case DoDeny:
		f.Title, f.Submit, f.Fields = "Deny", "Deny", []FormField{reason}
	case DoHand:
		to := FormField{Name: "to", Label: "Who answers instead", Choices: d.known(s)}
		reason.Optional = true
		f.Title, f.Fields = "Leave it to somebody", []FormField{to, reason}
	case DoAsk:
		f.Title, f.Fields = "Ask a question", []FormField{{Name: "text", Label: "Your question, to all in the thread", Long: true}}
	case DoProvide:
		reason.Optional = true
		f.Title, f.Fields = "Give a value", []FormField{{Name: "value", Label: a.Question.Text, Hint: "of the type " + a.Question.Value}, reason}
		if a.Question.Value == "service" {
			f.Fields[0].Choices = d.Services
		}
		if a.Question.Value == "boolean" {
			f.Fields[0].Choices = []string{"true", "false"}
		}
	default:
		return nil
	}
	return f
}

// known are the people who have a role in a run.
func (d *Desk) known(s *Story) []string {
	var people []string
	seen := map[string]bool{}
	for _, role := range sortedKeys(s.Run.Facts.Roles) {
		for _, p := range s.Run.Facts.Roles[role].People {
			if !seen[p] {
				seen[p] = true
				people = append(people, p)
			}
		}
	}
	return people
}

// say brings the engine somebody's word, and them its answer.
func (d *Desk) say(ctx context.Context, s *Story, a *Asked, who Speaker, do Do, with map[string]string) (Reply, error) {
	id, q := s.Run.Facts.ID, a.Question
	if do == DoAsk {
		if who.Person == "" {
			return Reply{Run: id, Text: sentence(who.Refusal)}, nil
		}
		return Reply{Run: id, Aloud: who.Person + " asks about " + a.Name + ": " + with["text"]}, nil
	}
	in := input(q, who, do, with)
	if in == nil {
		return Reply{Run: id, Text: "This version of firebreak does not know that button."}, nil
	}
	err := d.Runs.Give(ctx, id, in)
	refused, isRefusal := errors.AsType[*engine.Refusal](err)
	switch {
	case err == nil:
		return d.counted(ctx, id, a, do), nil
	case isRefusal && who.Person == "":
		return Reply{Run: id, Text: "That does not count: " + who.Refusal + "."}, nil
	case isRefusal:
		return d.refused(ctx, s, a, who, do, with["choice"], refused)
	case unavailable(err):
		return Reply{}, err
	default:
		return Reply{Run: id, Text: "That does not count: " + explain(err)}, nil
	}
}

// input is what the engine is told.
func input(q engine.Question, who Speaker, do Do, with map[string]string) engine.Input {
	switch do {
	case DoApprove, DoDeny:
		return engine.Vote{By: who.by(), Question: q.ID, Digest: q.Digest, Approve: do == DoApprove, Reason: with["reason"], BreakGlass: with["break-glass"], Via: who.Via}
	case DoChoose:
		return engine.Answer{By: who.by(), Question: q.ID, Choice: with["choice"], Via: who.Via}
	case DoProvide:
		return engine.Provide{By: who.by(), Question: q.ID, Value: typed(q.Value, with["value"]), Reason: with["reason"], Via: who.Via}
	case DoExtend:
		return engine.Extend{By: who.by(), Question: q.ID, Via: who.Via}
	case DoHand:
		return engine.Hand{By: who.by(), Question: q.ID, To: with["to"], Reason: with["reason"], Via: who.Via}
	default:
		return nil
	}
}

// typed is what was typed as JSON of a type.
func typed(kind, text string) json.RawMessage {
	text = strings.TrimSpace(text)
	if kind == "integer" || kind == "number" || kind == "boolean" {
		if json.Valid([]byte(text)) {
			return json.RawMessage(text)
		}
	}
	raw, err := json.Marshal(text)
	if err != nil {
		return nil
	}
	return raw
}

// refused says why a word does not count. What came between, the person is
// told instead: a question that somebody else has decided in that moment.
func (d *Desk) refused(ctx context.Context, s *Story, a *Asked, who Speaker, do Do, choice string, why *engine.Refusal) (Reply, error) {
	if now, err := d.Story(ctx, s.Run.Facts.ID); err == nil {
		if b := now.byID(a.Question.ID); b != nil {
			if reply, late := d.late(now, b, who, do, choice); late {
				return reply, nil
			}
		}
	}
	return Reply{Run: s.Run.Facts.ID, Text: "That does not count: " + strings.ReplaceAll(why.Reason, "`", "") + "."}, nil
}

// counted confirms a word. What it has led to, everybody sees on the card.
func (d *Desk) counted(ctx context.Context, id string, a *Asked, do Do) Reply {
	reply := Reply{Run: id, Text: map[Do]string{
		DoApprove: "Your yes counts.", DoDeny: "Your no counts.", DoExtend: "It is kept open longer.", DoHand: "It is left to them.",
	}[do]}
	if reply.Text == "" {
		reply.Text = "Your answer counts."
	}
	s, err := d.Story(ctx, id)
	if err != nil {
		return reply
	}
	if b := s.byID(a.Question.ID); b != nil && b.State == Open && do == DoApprove {
		reply.Text = fmt.Sprintf("Your yes counts: %d of %d have said yes.", len(b.Question.Votes), b.Question.Quorum)
	}
	return reply
}

func sentence(text string) string {
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if strings.HasSuffix(text, "?") {
		return text
	}
	return strings.TrimRight(text, ".") + "."
}
