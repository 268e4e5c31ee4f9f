package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server/client"
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

// A yes may be all that a run has waited for: it ends, and its owner with it,
// before it could be asked what the yes has come to. The state says it.
func TestYesThatEndsTheOwner(t *testing.T) {
	d := newDaemonCase(t)
	book := `firebreak: v1
name: once
steps:
  - approve:
      self: true
      of:
        - role: sre
          for: 10m
    steps:
      - set: {done: true}
`
	if err := os.WriteFile(filepath.Join(d.dir, "runbooks", "once.yaml"), []byte(book), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(d.command("A=", "run", "once"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	opened, err := p.await(t.Context(), regexp.MustCompile(`"id":"(?P<ID>[^"]+)".*"kind":"question_opened","run":"(?P<RUN>[^"]+)"`))
	if err != nil {
		t.Fatal(err)
	}
	question, run := opened[1], opened[2]
	approve := d.command("A=", "approve", run)
	if said, err := approve.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", approve, err, said)
	}
	if code, err := p.wait(t.Context()); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, p.said())
	}
	t.Chdir(d.dir)
	var out bytes.Buffer
	a := &app{out: &out, err: &out, env: func(name string) string {
		if name == "FIREBREAK_STATE" {
			return filepath.Join(d.dir, "state.db")
		}
		return ""
	}}
	s := &session{Client: client.New(filepath.Join(d.dir, "state.sock"))}
	if err := a.approved(t.Context(), s, run, engine.Question{ID: question, Quorum: 1}, 0); err != nil || !strings.HasPrefix(out.String(), "approved: ") {
		t.Errorf("said %q, %v", out.String(), err)
	}
}
