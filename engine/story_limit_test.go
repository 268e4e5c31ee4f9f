package engine_test

import (
	"maps"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
	"github.com/firebreak-ops/firebreak/engine/policy"
)

// startLimited starts a run where some roles may say yes to half of something
// at most.
func startLimited(t *testing.T, roles ...string) *enginetest.Play {
	t.Helper()
	return play(t, book(set("a", gated, unverified))).Start(func(f *engine.Facts) {
		f.Roles = maps.Clone(f.Roles)
		for _, name := range roles {
			role := f.Roles[name]
			role.AtMost = &policy.Limit{Percent: 50}
			f.Roles[name] = role
		}
	})
}

var limitStories = []story{
	{"who may not say yes to so much is refused, and told who may", func(t *testing.T) {
		p := startLimited(t, "ops")
		q := p.Question(engine.AskGate)
		p.Refused(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true}, "a touches 1 of 1 value, and roles.ops.at_most is 50%; it takes lead").
			Refused(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true, BreakGlass: "I must"}, "roles.ops.at_most").
			WaitsOn("approval").Called().Approve("carol").Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"who breaks the glass passes the limit of a role", func(t *testing.T) {
		p := startLimited(t, "ops", "lead")
		q := p.Question(engine.AskGate)
		p.Refused(engine.Vote{By: "carol", Question: q.ID, Digest: q.Digest, Approve: true}, "nobody of ops or lead may more; in an emergency: --break-glass")
		glass(p, "carol").Called("a#1/act").Ended(engine.Succeeded)
	}},
	{"a no has no limit", func(t *testing.T) {
		startLimited(t, "ops").Deny("alice", false).Called().Ended(engine.Refused)
	}},
}
