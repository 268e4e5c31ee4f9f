package main

import (
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/chatops/console"
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

// TestReplyToNothing: what is not an answer answers nothing. There is no
// connection here that an answer could go to.
func TestReplyToNothing(t *testing.T) {
	var out strings.Builder
	f := &follower{view: console.NewView(&out, console.Options{})}
	q := engine.Question{ID: "q", Kind: engine.AskGate, Path: "step", Choices: []string{engine.ChoiceApprove, engine.ChoiceDeny}}
	f.view.Show(engine.Record{Seq: 1, At: time.Unix(0, 0), Event: engine.QuestionOpened{Question: q}})
	out.Reset()
	f.reply(t.Context(), "what is this?")
	if !strings.Contains(out.String(), `"what" is not an answer; type one of approve, deny`) {
		t.Errorf("%q", out.String())
	}
}
