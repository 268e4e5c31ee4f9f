package chatops

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

var asked = time.Date(2024, 7, 15, 10, 47, 0, 0, time.UTC)

func gate() engine.Question {
	return engine.Question{
		ID: "r1/cure#0/ask.1", Kind: engine.AskGate, Path: "cure", Text: "May restore go on with cure?", Digest: "sha256:5f0c2a91d3be77aa",
		Roles: []string{"sre", "leads"}, Expires: asked.Add(65 * time.Second), Changed: []string{strings.Repeat("x", 300)}, Kept: []engine.Kept{{Path: "cure/1", Why: "it is gone"}},
		Members: []engine.Member{
			{Path: "cure/1", Shown: engine.Shown{
				Action: "settings.rollback", Unit: "settings", Affected: 1, Undo: "settings.apply",
				Detail: "--- a/api/pool.yaml\n+++ b/api/pool.yaml\n@@ -1,4 +1,4 @@\n db:\n-  max: 20\n+  max: 50\n   idle: 5\n",
			}},
			{Path: "cure/restart", OnlyIf: []string{"steps.pools.outputs.stale > 0", "inputs.restart"}, Shown: engine.Shown{
				Action: "workload.restart", Unit: "replicas", Affected: 2, Total: 20, Undo: "none: fresh processes",
				Detail: strings.Repeat("a replica\n", 20), NoPrecond: true,
			}},
		},
	}
}

func TestCard(t *testing.T) {
	o := Outline{
		"cure/1":       NewEntry("", "settings.rollback", runbook.KindAction),
		"cure/restart": NewEntry("restart", "workload.restart", runbook.KindAction),
	}
	want := []string{
		"May restore go on with cure?  (waits for sre or leads, 1m5s left)",
		"  changed since you were last asked: " + strings.Repeat("x", 199) + "…",
		"  settings.rollback  touches 1 setting",
		"      api/pool.yaml",
		"       db:",
		"      -  max: 20",
		"      +  max: 50",
		"      undo: settings.apply",
		"  restart  workload.restart  touches 2 of 20 replicas",
		"      only if steps.pools.outputs.stale > 0, and inputs.restart",
		"      a replica", "      a replica", "      a replica", "      a replica", "      … 16 lines more; `firebreak runs show` has them",
		"      no undo: fresh processes",
		"      nothing can check that the target is still the same when it acts",
		"  stays changed: settings.rollback: it is gone",
		"  firebreak approve r1 --plan 5f0c2a91d3be",
		"  firebreak deny r1 --reason WHY",
	}
	q := gate()
	if diff := cmp.Diff(want, o.Card("r1", q, asked, 5)); diff != "" {
		t.Error(diff)
	}
}

func TestCardOfADoubt(t *testing.T) {
	q := engine.Question{Kind: engine.AskDoubt, Path: "note", Text: "It is not known.", Roles: []string{"sre"}, Choices: []string{"happened", "not"}}
	want := []string{"It is not known.  (waits for sre)", "  firebreak resolve r1 note happened | not"}
	if diff := cmp.Diff(want, Outline(nil).Card("r1", q, asked, 0)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:1], Outline(nil).Card("", q, asked, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestCardOfAValue(t *testing.T) {
	q := engine.Question{ID: "q", Kind: engine.AskValue, Path: "size", Text: "How many?", Value: "integer", Roles: []string{"sre", "leads"},
		Expires: asked.Add(8 * time.Minute), Escalates: []engine.Escalation{{Role: "leads", At: asked.Add(3 * time.Minute)}}}
	want := []string{"How many?  (waits for sre or leads, 8m0s left)", "  leads is asked next, in 3m0s", "  firebreak provide r1 size INTEGER"}
	if diff := cmp.Diff(want, Outline(nil).Card("r1", q, asked, 0)); diff != "" {
		t.Error(diff)
	}
	given := engine.Record{Event: engine.ValueProvided{ID: "q", Path: "size", Value: []byte("80"), By: "ann", Reason: "there is room"}}
	if l := Outline(nil).Lines(&engine.Run{}, given, "r1"); len(l) != 1 || l[0].Name != "size" || l[0].Text != "80, says ann: there is room" {
		t.Errorf("%+v", l)
	}
}

func TestCardBeforeItsTurn(t *testing.T) {
	q := engine.Question{Kind: engine.AskGate, Path: "cure", Text: "May it?", Roles: []string{"sre"}, Early: true}
	want := []string{"May it?  (waits for sre; the run has not come to it yet)"}
	if diff := cmp.Diff(want, Outline(nil).Card("", q, asked, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestElapsed(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 440 * time.Millisecond: "0.4 s", 12*time.Second + 300*time.Millisecond: "12 s", 185 * time.Second: "3m5s",
	} {
		if got := Elapsed(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

// TestTouchesNothing holds that a question whose change is made already says so
// at its top, and no other does.
func TestTouchesNothing(t *testing.T) {
	none := engine.Member{Path: "set", Shown: engine.Shown{Action: "settings.apply", Unit: "settings", Detail: "db.pool.max is 20 already: nothing to write\n"}}
	some, unsaid := none, none
	some.Affected, unsaid.Unit = 1, ""
	for name, c := range map[string]struct {
		members []engine.Member
		says    bool
	}{
		"one": {[]engine.Member{none}, true}, "both": {[]engine.Member{none, none}, true}, "one of two": {[]engine.Member{none, some}, false},
		"it is not said": {[]engine.Member{unsaid}, false}, "nothing is covered": {nil, false},
	} {
		card := Outline(nil).Card("r1", engine.Question{Kind: engine.AskGate, Text: "May it?", Members: c.members}, time.Time{}, 0)
		if says := strings.TrimSpace(card[1]) == "As things are this touches nothing: no settings."; says != c.says {
			t.Errorf("%s: %q", name, card)
		}
	}
}
