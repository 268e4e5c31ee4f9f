package main

import (
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

func TestChoice(t *testing.T) {
	gate := engine.Question{Kind: engine.AskGate, Choices: []string{engine.ChoiceApprove, engine.ChoiceDeny}}
	doubt := engine.Question{Kind: engine.AskDoubt, Choices: []string{engine.ChoiceHappened, engine.ChoiceNot, engine.ChoicePartial, engine.ChoiceUnknown}}
	verdict := engine.Question{Kind: engine.AskVerdict, Choices: []string{engine.ChoiceAgain, engine.ChoiceAccept, engine.ChoiceKeep, engine.ChoiceUndo}}
	for _, c := range []struct {
		typed string
		q     engine.Question
		want  string
	}{
		{"y", gate, "approve"},
		{"no", gate, "deny"},
		{"app", gate, "approve"},
		{"n", doubt, "not"},
		{"y", doubt, "y"},
		{"unknown", doubt, "unknown"},
		{"a", verdict, "a"},
		{"ac", verdict, "accept"},
		{"k", verdict, "keep"},
	} {
		if got := choice(c.typed, c.q); got != c.want {
			t.Errorf("%q to a question of kind %s means %q, want %q", c.typed, c.q.Kind, got, c.want)
		}
	}
}
