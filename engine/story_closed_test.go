package engine_test

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

var closedStories = []story{
	{"who has no role any more answers for nobody", func(t *testing.T) {
		p := play(t, book(set("a", "approve: {of: [{role: ops, for: 5m}]}", unverified))).Start()
		p.Say(engine.Hand{By: "alice", Question: p.Question(engine.AskGate).ID, To: "carol"})
		p.Crash(time.Second, func(in *engine.Recovered) {
			in.Pins = &engine.Pins{Runbook: p.Book.Digest, Config: "sha256:other"}
			in.Roles = map[string]engine.Role{"ops": {People: []string{"bob"}}}
		}).Settle()
		p.Refused(yes(p, "carol"), "not in ops").Approve("bob").Ended(engine.Succeeded)
	}},
	{"an answer is not handed round until nobody has it", func(t *testing.T) {
		p := play(t, book(set("a", gated, unverified))).Start()
		id := p.Question(engine.AskGate).ID
		p.Say(engine.Hand{By: "alice", Question: id, To: "bob"}).Refused(engine.Hand{By: "bob", Question: id, To: "alice"}, "has left this")
		p = play(t, book(set("a", "approve: {of: [{role: ops, for: 5m}], quorum: 2}", unverified))).Start()
		p.Refused(engine.Hand{By: "alice", Question: p.Question(engine.AskGate).ID, To: "bob"}, "fewer than 2")
	}},
	{"the glass is broken by who is in the gate's role, too", func(t *testing.T) {
		p := play(t, book(set("a", "approve: {of: [{role: lead, for: 5m}], quorum: 2}", unverified))).Start()
		v := yes(p, "carol")
		v.BreakGlass = "alone on call"
		p.Say(v).Called("a#1/act").Ended(engine.Succeeded)
		p = play(t, book(set("a", gated, unverified))).Start()
		p.Say(engine.Hand{By: "carol", Question: p.Question(engine.AskGate).ID, To: "bob"}).Refused(yes(p, "carol"), "left this to bob")
		v = yes(p, "carol")
		v.BreakGlass = "bob is asleep"
		p.Say(v).Ended(engine.Succeeded)
	}},
	{"nothing is asked early while it is not known what must be locked", func(t *testing.T) {
		late := step("id: late", "uses: tool.set", "resource: \"kv:${{ steps.r.outputs.value }}\"", "with: {key: late, value: 7}", "undo: {uses: tool.set}", gated, unverified)
		p := play(t, book(read("r"), tool("one", gated, unverified), late)).On("r#1/act", enginetest.Silent(false)).Start().Never("locks_requested question_opened")
		p.Give(engine.Returned{ID: "r1/r#1/act", Outcome: engine.Outcome{Outputs: []byte(`{"value":4}`)}}).Settle()
		if got := p.Run.Locks.Identities; len(got) != 2 || got[0] != "kv:4" || got[1] != "one" {
			t.Errorf("locked are %v", got)
		}
	}},
	{"what was done by hand without the lock proves nothing", func(t *testing.T) {
		p := play(t, book(group("g", set("a")+"\n  - wait: 1m"+set("b"), gated, verified))).Start().Approve("alice")
		p.Say(engine.TakeOver{By: "alice"}).Say(engine.BreakLock{By: "bob"}).
			Say(engine.HandBack{By: "alice", To: engine.HandVerify}).Sleep(5 * time.Second)
		p.Never("committed").Question(engine.AskVerdict)
	}},
	{"what began under the lock and ended without it proves nothing", func(t *testing.T) {
		p := play(t, book(set("a", gated, verified))).On("a#1/act", enginetest.Silent(true)).Start().Approve("alice").
			Say(engine.BreakLock{By: "bob"}).Answer(engine.AskLock, engine.ChoiceRelock, "alice")
		p.Give(returned("a#1/act", "a=7")).Settle().Sleep(5 * time.Second).Never("committed").Question(engine.AskVerdict)
	}},
}
