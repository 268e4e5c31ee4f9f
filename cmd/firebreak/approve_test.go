package main

import (
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

// What a yes has come to is what the records say of its question, not that the
// question is no longer open.
func TestOutcomeOfAYes(t *testing.T) {
	q := engine.Question{ID: "r/a#0/ask.1", Path: "a", Quorum: 2}
	yes := engine.VoteCounted{ID: q.ID, Path: q.Path, By: "alice"}
	decided := engine.QuestionDecided{ID: q.ID, Path: q.Path, Choice: engine.ChoiceApprove}
	void := engine.GateVoided{Path: q.Path, Why: "halted by bob"}
	for name, c := range map[string]struct {
		events []engine.Event
		want   outcome
	}{
		"counted":             {[]engine.Event{yes}, outcome{have: 1}},
		"decided":             {[]engine.Event{decided}, outcome{decided: true}},
		"of another question": {[]engine.Event{yes, engine.QuestionDecided{ID: "r/b#0/ask.1", Choice: engine.ChoiceApprove}}, outcome{have: 1}},
		"counted, then void":  {[]engine.Event{yes, void}, outcome{have: 1, void: void.Why}},
		"decided, then void":  {[]engine.Event{decided, void}, outcome{decided: true, void: void.Why}},
		"taken back":          {[]engine.Event{yes, engine.VoteWithdrawn{ID: q.ID, Path: q.Path, By: "alice"}}, outcome{}},
	} {
		var got outcome
		for _, e := range c.events {
			got.take(e, q)
		}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
