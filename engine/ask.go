package engine

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// askValue asks people for the value of an ask step. It changes nothing, so
// that no stop closes the question.
func (d *decider) askValue(step *runbook.Step) bool {
	if d.run.question(AskValue, step.Path) != nil {
		return false
	}
	text, err := d.text(step.Frame, step.Text)
	if err != nil {
		d.fail(step, "expression", err.Error())
		return true
	}
	d.emit(QuestionOpened{Question: Question{
		ID: d.run.id(step.Path, 0, "ask.1"), Kind: AskValue, Path: step.Path, Text: text, Value: step.Ask.Word,
		Roles: roles(step.Ask.Of), Self: true, OpenedAt: d.now,
		Expires: d.now.Add(step.Ask.Expires()), Escalates: escalations(step.Ask.Of, d.now),
	}})
	return true
}

// provide takes the value that a person gives to an ask step, and ends it.
func (d *decider) provide(in Provide) string {
	q, refusal := d.openQuestion(in.Question)
	switch {
	case refusal != "":
		return refusal
	case q.Kind == AskGate:
		return "a gate is answered with approve or deny"
	case q.Kind != AskValue:
		return "that question asks for no value; its choices are " + strings.Join(q.Choices, ", ")
	}
	if _, refusal := d.mayVote(in.By, q, q.Self, ""); refusal != "" {
		return refusal
	}
	step := d.run.Book.Step(q.Path)
	value, err := fitting(step.Ask, in.Value)
	if err != nil {
		return fmt.Sprintf("%s asks for %s: %v", q.Path, wanted[step.Ask.Word], err)
	}
	d.emit(ValueProvided{ID: q.ID, Path: q.Path, Value: value, By: in.By, Reason: in.Reason, Via: in.Via, OpenFor: d.openFor(q), Asked: d.asked(q, in.By)})
	d.succeed(step)
	return ""
}

// fitting is a value as the type that is asked for writes it.
func fitting(ask *runbook.Ask, raw json.RawMessage) (json.RawMessage, error) {
	v, err := ask.Type.Decode(raw)
	if err != nil {
		return nil, err
	}
	if v == "" {
		return nil, fmt.Errorf("it is empty")
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("the value cannot be written as JSON: %w", err)
	}
	return out, nil
}

// wanted says what the types of a value take.
var wanted = map[string]string{
	"service":  "the name of a service",
	"string":   "a text",
	"integer":  "an integer, such as 80",
	"number":   "a number, such as 0.5",
	"boolean":  "true or false",
	"duration": "a duration, such as 90s or 1m30s",
}
