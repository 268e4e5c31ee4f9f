package engine_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// ask is a step that asks ops, then lead, for a value.
func ask(id, typ string, lines ...string) string {
	return step("id: "+id, append([]string{
		"ask: How many?", "of: [{role: ops, for: 5m}, {role: lead, for: 5m}]", "value: {type: " + typ + "}",
	}, lines...)...)
}

// given is a value for the question of an ask step that is open.
func given(p *enginetest.Play, value, by string) engine.Provide {
	return engine.Provide{By: by, Question: p.Question(engine.AskValue).ID, Value: json.RawMessage(value)}
}

// sized is a change to what an ask step was told.
const sized = "\n  - id: a\n    uses: world.set\n    with:\n      key: a\n      value: ${{ steps.n.outputs.value }}\n    " +
	undoSet + "\n    " + gated + "\n    " + unverified

var askStories = []story{
	{"a person gives a value, and later steps read it", func(t *testing.T) {
		p := play(t, book(ask("n", "integer"), sized)).Start().WaitsOn("person").Called()
		p.Say(given(p, "7", "alice")).Saw("value_provided step_succeeded").WaitsOn("approval")
		p.Approve("bob").Called("a#1/act").Holds("a", 7).Ended(engine.Succeeded)
	}},
	{"a value of each type is taken, and another is refused with what is wanted", func(t *testing.T) {
		for _, tt := range []struct{ typ, value, wrong, says string }{
			{"service", `"api"`, `""`, "asks for the name of a service"},
			{"string", `"seven"`, `7`, "asks for a text"},
			{"integer", `7.0`, `7.5`, "asks for an integer"},
			{"number", `7`, `"7"`, "asks for a number"},
			{"boolean", `true`, `null`, "asks for true or false"},
			{"duration", `"90s"`, `"soon"`, "asks for a duration"},
		} {
			p := play(t, book(ask("n", tt.typ))).Start()
			p.Refused(given(p, tt.wrong, "alice"), tt.says).Refused(given(p, `{"`, "alice"), tt.says)
			p.Say(given(p, tt.value, "alice")).Ended(engine.NoAction)
		}
	}},
	{"who started the run may give a value, with a role", func(t *testing.T) {
		p := play(t, book(ask("n", "integer"))).Start()
		p.Refused(given(p, "7", "os:mallory"), "not in ops or lead").Say(given(p, "7", "dora")).Ended(engine.NoAction)
		p = play(t, book(step("id: n", "ask: How many?", "of: [{role: lead, for: 5m}]", "value: {type: integer}"))).Start()
		p.Refused(given(p, "7", "dora"), "not in lead").Say(given(p, "7", "carol")).Ended(engine.NoAction)
	}},
	{"a value is no vote, and a vote is no value", func(t *testing.T) {
		p := play(t, book(ask("n", "integer"), sized)).Start()
		id := p.Question(engine.AskValue).ID
		p.Refused(engine.Vote{By: "alice", Question: id, Approve: true}, "asks for a value")
		p.Refused(engine.Answer{By: "alice", Question: id, Choice: "7"}, "firebreak provide")
		v := given(p, "7", "alice")
		p.Say(v).Refused(v, "closed")
		p.Refused(engine.Provide{By: "alice", Question: p.Question(engine.AskGate).ID, Value: v.Value}, "approve or deny")
	}},
	{"nobody gives a value, and the run is refused", func(t *testing.T) {
		p := play(t, book(ask("n", "integer"), sized)).Start().Sleep(9 * time.Minute).WaitsOn("person")
		p.Sleep(2 * time.Minute).Called().Ended(engine.Refused)
	}},
	{"nobody gives a value after a change, and it is undone", func(t *testing.T) {
		p := play(t, book(group("g", bump("b", gated)+ask("n", "integer"), verified))).Start().Approve("alice").Holds("b", 1)
		p.Sleep(11*time.Minute).Called("g/b#1/act", "g/b#1/undo").Holds("b", 0).Ended(engine.FailedClean)
	}},
	{"nobody gives a value, and the step is skipped where the runbook says so", func(t *testing.T) {
		p := play(t, book(ask("n", "integer", "on_expiry: skip"), step("if: steps.n.outputs == nil", "set: {none: 1}"))).Start()
		p.Sleep(11 * time.Minute).Saw("question_decided step_skipped step_started vars_set").Ended(engine.NoAction)
	}},
	{"the next role is asked for a value, too", func(t *testing.T) {
		p := play(t, book(ask("n", "integer"))).Start().Sleep(6 * time.Minute).Saw("question_escalated notice_queued")
		p.Say(given(p, "7", "carol")).Ended(engine.NoAction)
	}},
	{"a stop leaves a question for a value open", func(t *testing.T) {
		for _, stop := range []engine.Person{engine.Halt{By: "bob"}, engine.Hold{By: "bob", Service: "api"}, engine.TakeOver{By: "bob"}} {
			p := play(t, book(ask("n", "integer"), sized)).Start()
			v := given(p, "7", "alice")
			p.Say(stop).Say(v).Saw("value_provided step_succeeded").Called()
			if len(p.Run.Questions) != 0 {
				t.Errorf("%T: asked under the stop: %+v", stop, p.Run.Questions)
			}
		}
	}},
	{"a cancel closes a question for a value", func(t *testing.T) {
		p := play(t, book(ask("n", "integer"))).Start()
		v := given(p, "7", "alice")
		p.Say(engine.Cancel{By: "dora"}).Ended(engine.CancelledClean).Refused(v, "has ended")
	}},
	{"the time in which a value is waited for is people's", func(t *testing.T) {
		p := play(t, "timeout: 2m\n"+book(ask("n", "integer"), "\n  - wait: 1m")).Start().Sleep(4 * time.Minute)
		p.Say(given(p, "7", "alice")).Sleep(time.Minute).Ended(engine.NoAction)
		if got := p.Run.AskedFor; got != 4*time.Minute {
			t.Errorf("people were waited for %s", got)
		}
	}},
	{"a crash leaves a question for a value open, and moves its expiry", func(t *testing.T) {
		p := play(t, book(ask("n", "integer"))).Start().Sleep(4 * time.Minute).Crash(time.Hour)
		p.Sleep(5 * time.Minute).WaitsOn("person").Say(given(p, "7", "alice")).Ended(engine.NoAction)
	}},
	{"a question that cannot be put fails its step", func(t *testing.T) {
		p := play(t, book(read("r"), "\n  - id: n\n    ask: ${{ 1 / steps.r.outputs.value }} or how many?\n"+
			"    of: [{role: ops, for: 5m}]\n    value: {type: integer}")).Start()
		p.Never("question_opened").Ended(engine.FailedClean)
	}},
	{"silence in a handler skips the question", func(t *testing.T) {
		p := play(t, book(read("r"))+"\nfinally:"+ask("n", "integer")+noted).Start().Sleep(11 * time.Minute)
		p.Saw("step_skipped step_started vars_set").Ended(engine.NoAction)
	}},
}
