package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

var update = flag.Bool("update", false, "write the cards into testdata")

// noon is when the runs of these tests begin.
var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// played is a run that a test drives, in memory.
type played struct {
	t    testing.TB
	run  engine.Run
	recs []engine.Record
	now  time.Time
	plan engine.Plan
	look string // what world.read returns
}

const storyBook = `title: Relieve database connection exhaustion
owner: sre
steps:
  - id: cause
    uses: world.read
    with: {key: cause}
  - id: relieve
    approve:
      of: [{role: sre, for: 4m}, {role: leads, for: 4m}]
    steps:
      - id: rollback
        uses: world.set
        with: {key: pool, value: 500}
        undo: {uses: world.set}
      - id: restart
        uses: world.once
        with: {key: api}
        undo: {none: fresh processes}
    verify: {none: a test, owner: sre, last_day: "2099-12-31"}
`

// diagnosed is what the first step of the story finds.
const diagnosed = `{"top": {"cause": "app_pool_too_small", "confidence": 0.97,
	"chain": ["requests queue for connections", "the pool allows 200", "it was 500 until 10:20"],
	"evidence": [
		{"source": "metrics", "observed": "200 of 200 connections in use, 312 waiting", "supports": true},
		{"source": "database", "observed": "203 of 1000 connections used, none blocked", "supports": true},
		{"source": "changes", "observed": "db.pool.max went from 500 to 200 at 10:20", "supports": true}],
	"ruled_out": [
		{"cause": "database_full", "because": "797 connections are free"},
		{"cause": "lock_convoy", "because": "no session waits for a lock"}]}}`

func play(t testing.TB, by string) *played {
	t.Helper()
	return playBook(t, by, storyBook)
}

func playBook(t testing.TB, by, src string) *played {
	t.Helper()
	catalog := enginetest.Catalog()
	look := *catalog["world.read"]
	look.Output = expr.Record(map[string]*expr.Type{"top": expr.Any()})
	catalog[look.Name] = &look
	book, problems := runbook.Parse("test.yaml", []byte("firebreak: v1\nname: test\nservice: api\n"+src), catalog, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := &played{t: t, run: engine.New(book), now: noon, look: diagnosed, plan: engine.Plan{
		Binding: json.RawMessage(`{"to":500}`), Detail: "--- a/api/pool.yaml\n+++ b/api/pool.yaml\n@@ -1,3 +1,3 @@\n db:\n   pool:\n-    max: 200\n+    max: 500\n",
		Fingerprint: "f1", Unit: "settings", Affected: 1, Served: "git@1",
	}}
	requester := engine.Requester{Kind: "person", Name: by}
	if by == "" {
		requester = engine.Requester{Kind: "alert", Name: "DBConnectionPoolHigh"}
	}
	p.give(engine.Start{Facts: engine.Facts{
		ID: "1127-1200-abcde", Runbook: "connection-exhaustion", Requester: requester, Service: "api", Environment: "prod", Owner: "platform", Rules: engine.Rules,
		Roles: map[string]engine.Role{"sre": {People: []string{"alice", "bob"}}, "leads": {People: []string{"carol"}}},
		Pins:  engine.Pins{Runbook: book.Digest, Config: "c", Actions: "a"},
	}})
	return p
}

// give gives an input, a tenth of a second after the last one, and everything
// that follows by itself.
func (p *played) give(in engine.Input) {
	p.t.Helper()
	p.now = p.now.Add(100 * time.Millisecond)
	recs, _ := engine.Decide(p.run, in, p.now)
	for _, rec := range recs {
		p.run = engine.Apply(p.run, rec)
		p.recs = append(p.recs, rec)
	}
}

// settle answers what the run calls, until it waits for people.
func (p *played) settle() {
	p.t.Helper()
	for range 1000 {
		before := p.run.Seq
		for _, cmd := range engine.Pending(p.run) {
			switch c := cmd.(type) {
			case engine.Lock:
				p.give(engine.LocksGranted{ID: c.ID})
			case engine.PlanCall:
				p.give(engine.Planned{ID: c.ID, Plan: p.plan})
			case engine.Read:
				p.give(engine.Returned{ID: c.ID, Outcome: engine.Outcome{Effect: engine.EffectNone, Outputs: json.RawMessage(p.look)}})
			case engine.Act:
				p.give(engine.Returned{ID: c.ID, Outcome: engine.Outcome{Effect: engine.EffectApplied, Outputs: json.RawMessage(`{"value": 500}`), Receipt: json.RawMessage(`{}`), Left: "f2"}})
			case engine.Notify:
				p.give(engine.Notified{ID: c.ID})
			default:
			}
			if p.run.Seq != before {
				break
			}
		}
		if p.run.Seq == before {
			return
		}
	}
	p.t.Fatal("it never settles")
}

func (p *played) story() *chatops.Story { return chatops.NewStory(p.run, p.recs, "/runbook") }

// vote answers the open gate.
func (p *played) vote(by string, yes bool, reason string) {
	q := p.run.OpenQuestions()[0]
	p.give(engine.Vote{By: by, Question: q.ID, Digest: q.Digest, Approve: yes, Reason: reason})
}

var testPainter = painter{mention: func(name string) string { return "<@U0" + strings.ToUpper(name) + ">" }}

// cards are the cards that the goldens hold, by name.
func cards(t testing.TB) map[string]chatops.Card {
	t.Helper()
	out := map[string]chatops.Card{}
	ask := func(name string, p *played) {
		s := p.story()
		out[name] = s.Ask(s.Asked[len(s.Asked)-1], p.now)
	}
	p := play(t, "")
	out["board_begins"] = p.story().Board()
	p.settle()
	ask("ask_open", p)
	out["board_waits"] = p.story().Board()
	s := p.story()
	out["details"] = s.Details(s.Asks()[0])
	p.now = noon.Add(4 * time.Minute)
	for _, cmd := range engine.Pending(p.run) {
		if timer, ok := cmd.(engine.Timer); ok && !timer.At.After(p.now) {
			p.give(engine.TimerFired{ID: timer.ID})
		}
	}
	ask("ask_escalated", p)
	p.vote("carol", true, "")
	ask("ask_approved", p)
	p.settle()
	out["board_ended"] = p.story().Board()
	out["end"], _ = p.story().End()

	p = play(t, "alice")
	p.settle()
	ask("ask_not_alice", p)
	p.vote("bob", false, "the replicas are not ready")
	ask("ask_denied", p)
	p.settle()
	out["end_refused"], _ = p.story().End()

	p = play(t, "")
	p.settle()
	p.give(engine.Halt{By: "carol", Reason: "we do not understand this outage"})
	ask("ask_void", p)
	out["board_halted"] = p.story().Board()

	p = play(t, "")
	p.settle()
	p.vote("alice", true, "")
	p.plan.Fingerprint, p.plan.Detail = "f9", strings.ReplaceAll(p.plan.Detail, "200", "100")
	p.settle()
	s = p.story()
	out["ask_drifted"] = s.Ask(s.Asked[0], p.now)
	ask("ask_anew", p)
	return out
}

func TestCards(t *testing.T) {
	for name, c := range cards(t) {
		t.Run(name, func(t *testing.T) {
			d := testPainter.draw(c)
			for _, problem := range overLimits(t, d) {
				t.Error(problem)
			}
			got := golden(t, name, d)
			if open := name == "ask_open" || name == "ask_escalated" || name == "ask_not_alice" || name == "ask_anew"; open != bytes.Contains(got, []byte(`"type": "actions"`)) {
				t.Errorf("it has buttons: %t", !open)
			}
		})
	}
}

// golden holds what is drawn to a file, and returns it.
func golden(t *testing.T, name string, d drawn) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"text": d.text, "blocks": d.blocks})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	file := filepath.Join("testdata", "cards", name+".json")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	return got.Bytes()
}

// atHome is what a home needs of runs and stops: one run that waits for people,
// one that is under way, and a hold.
type atHome struct{ *played }

// List implements [chatops.Runs].
func (h atHome) List(context.Context, bool, int) ([]engine.Head, error) {
	f := h.run.Facts
	return []engine.Head{
		{ID: f.ID, Runbook: f.Runbook, Service: f.Service, Phase: h.run.Phase, Requester: f.Requester, Waiting: []string{"approval"}},
		{ID: "1127-1158-fghij", Runbook: "restart-in-waves", Service: "search", Phase: engine.PhaseRunning, Requester: engine.Requester{Kind: "person", Name: "bob"}},
	}, nil
}

// Run implements [chatops.Runs].
func (h atHome) Run(context.Context, string) (engine.Run, error) { return h.run, nil }

// Records implements [chatops.Runs].
func (h atHome) Records(context.Context, string) ([]engine.Record, error) { return h.recs, nil }

// Give implements [chatops.Runs].
func (h atHome) Give(context.Context, string, engine.Input) error { return nil }

// Standing implements [chatops.Stops].
func (h atHome) Standing() []engine.Stop {
	return []engine.Stop{{Kind: engine.StopHold, Service: "billing", By: "carol", Reason: "its database is moved tonight", At: noon.Add(-time.Hour)}}
}

// Order implements [chatops.Stops].
func (h atHome) Order(context.Context, string, engine.StopKind, string, string, bool) error {
	return nil
}

// TestHomeCard holds what a home shows.
func TestHomeCard(t *testing.T) {
	p := play(t, "")
	p.settle()
	desk := &chatops.Desk{Runs: atHome{p}, Stops: atHome{p}, Command: "/runbook", Now: func() time.Time { return p.now }}
	home, err := desk.Home(t.Context(), chatops.Speaker{Person: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	d := testPainter.home(home.Cards)
	for _, problem := range overLimits(t, d) {
		t.Error(problem)
	}
	golden(t, "home", d)
}

// overLimits says what of a message Slack would refuse.
func overLimits(t testing.TB, d drawn) (problems []string) {
	t.Helper()
	raw, err := json.Marshal(d.blocks)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []map[string]any
	if err := json.Unmarshal(raw, &blocks); err != nil {
		t.Fatal(err)
	}
	bad := func(what string) { problems = append(problems, what) }
	text := func(v any, most int, what string) {
		m, _ := v.(map[string]any)
		s, _ := m["text"].(string)
		if n := utf8.RuneCountInString(s); n < 1 || n > most || !utf8.ValidString(s) {
			bad(what + " has a text that Slack does not take: " + clip(s, 60))
		}
	}
	if len(blocks) > 50 || utf8.RuneCountInString(d.text) > 4000 {
		bad("too many blocks, or too long a text")
	}
	for _, b := range blocks {
		switch b["type"] {
		case "header":
			text(b["text"], 150, "a header")
		case "section":
			if b["text"] != nil {
				text(b["text"], 3000, "a section")
			}
			fields, _ := b["fields"].([]any)
			if len(fields) > 10 || b["text"] == nil && len(fields) == 0 {
				bad("a section with no, or too many, fields")
			}
			for _, f := range fields {
				text(f, 2000, "a field")
			}
		case "context":
			elements, _ := b["elements"].([]any)
			if len(elements) < 1 || len(elements) > 10 {
				bad("a context with no, or too many, elements")
			}
			for _, e := range elements {
				text(e, 3000, "a context")
			}
		case "actions":
			ids := map[any]bool{}
			elements, _ := b["elements"].([]any)
			if len(elements) > 25 {
				bad("too many buttons")
			}
			for _, e := range elements {
				m, _ := e.(map[string]any)
				if ids[m["action_id"]] {
					bad("an action id is there twice")
				}
				ids[m["action_id"]] = true
				if value, _ := m["value"].(string); len(value) > 2000 {
					bad("a value is too long")
				}
				if m["type"] == "button" {
					text(m["text"], 75, "a button")
				}
				options, _ := m["options"].([]any)
				for _, o := range options {
					option, _ := o.(map[string]any)
					text(option["text"], 75, "an option")
					if value, _ := option["value"].(string); len(value) > 150 {
						bad("the value of an option is too long")
					}
				}
			}
		default:
			bad("a block that old clients do not show")
		}
	}
	return problems
}

// FuzzDraw holds that no text makes a card that Slack refuses, or that calls
// somebody, or that ends the code it stands in.
func FuzzDraw(f *testing.F) {
	for _, text := range []string{
		"", "<!channel> <@U0ALICE> <https://evil.example|look>", "`code` ```x``` & < >", strings.Repeat("ü&", 4000), "\x00\x1b[31m\u202e\xff", strings.Repeat("a\n", 3000), "*bold* _x_ ~y~ :fire:",
	} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		n = min(max(n, 0), 70)
		c := chatops.Card{Title: text, Brief: text, Call: []string{"alice"}}
		for range n {
			c.Parts = append(c.Parts, chatops.Part{Title: text, Text: text, Code: true}, chatops.Part{Text: text, Fields: []chatops.Field{{Name: text, Text: text, At: noon}}},
				chatops.Part{Small: true, Text: text}, chatops.Part{Title: text, Lines: []chatops.Line{{Mark: chatops.MarkBad, Name: text, Text: text, Detail: []string{text, text}}}})
		}
		c.Buttons = []chatops.Button{{Do: chatops.DoApprove, Label: text, Value: "r.x", Confirm: text}}
		c.Menu = []chatops.Button{{Do: chatops.DoExtend, Label: text, Value: "r.x"}}
		d := testPainter.draw(c)
		for _, problem := range overLimits(t, d) {
			t.Error(problem)
		}
		for _, b := range d.blocks {
			raw, err := json.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			var shown strings.Builder
			texts(raw, &shown)
			rest := strings.ReplaceAll(shown.String(), "<@U0ALICE>", "")
			rest = strings.ReplaceAll(rest, moment(noon), "")
			if strings.ContainsAny(rest, "<>") {
				t.Errorf("%q can be taken for a mention or a link", clip(rest, 200))
			}
			if n := strings.Count(rest, "```"); n%2 != 0 || n > 2 {
				t.Errorf("code ends before its time: %q", clip(rest, 200))
			}
		}
	})
}

// TestHomeFits holds a home to the blocks that Slack takes, and to ids of which
// there is one each.
func TestHomeFits(t *testing.T) {
	part := chatops.Part{Text: "x", Fields: []chatops.Field{{Name: "n", Text: "x"}}}
	full := chatops.Card{Title: "t", Parts: slices.Repeat([]chatops.Part{part}, 15), Buttons: []chatops.Button{{Do: chatops.DoApprove, Label: "Approve", Value: "r.x"}, {Do: chatops.DoDetails, Label: "Details", Value: "r.x"}}}
	d := testPainter.home(slices.Repeat([]chatops.Card{full}, 5))
	if n := len(d.blocks); n > maxView {
		t.Errorf("it has %d blocks", n)
	}
	ids := map[string]bool{}
	for _, b := range d.blocks {
		if id := b.ID(); id != "" && ids[id] {
			t.Errorf("there are two blocks %s", id)
		} else {
			ids[id] = true
		}
	}
	raw, err := json.Marshal(d.blocks)
	if err != nil || bytes.Count(raw, []byte("parts more; Details has them")) != 5 || bytes.Count(raw, []byte(`"action_id":"rb.`)) != 10 {
		t.Errorf("it does not show each of them, or not that it leaves something out: %v\n%s", err, raw)
	}
}

// texts collects the markdown of a block.
func texts(raw []byte, to *strings.Builder) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if s, ok := v["text"].(string); ok && v["type"] == "mrkdwn" {
				to.WriteString(s)
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(v)
}
