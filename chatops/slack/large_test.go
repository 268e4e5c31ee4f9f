package slack

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/firebreak-ops/firebreak/chatops"
)

// changes is a runbook with a gate over n changes, whose verify was waived until
// yesterday.
func changes(n int) string {
	var b strings.Builder
	b.WriteString("title: Change much\nowner: sre\nsteps:\n  - id: all\n    approve:\n      of: [{role: sre, for: 4m}, {role: leads, for: 4m}]\n      quorum: 2\n    steps:\n")
	for i := range n {
		fmt.Fprintf(&b, "      - id: change_%02d\n        uses: world.set\n        with: {key: k%d, value: 1}\n        undo: {uses: world.set}\n", i, i)
	}
	b.WriteString("    verify: {none: a test, owner: sre, last_day: \"2026-11-26\"}\n")
	return b.String()
}

// shows is what a message or a window shows.
func shows(t *testing.T, blocks []slack.Block) string {
	t.Helper()
	raw, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if text, ok := v["text"].(string); ok {
				b.WriteString(strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text) + "\n")
			}
			for _, key := range []string{"text", "fields", "elements", "options"} {
				walk(v[key])
			}
		}
	}
	walk(v)
	return b.String()
}

// TestMuch asks about forty changes, each with a difference that no message
// takes, in characters that are escaped: all that an answer needs is there, who
// gave it is, too, and what is left out is said.
func TestMuch(t *testing.T) {
	p := playBook(t, "", changes(40))
	p.plan.Detail = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n" + strings.Repeat("-<old>&amp; ü <!channel> ```\n+<new>&amp; ü @here\n", 100)
	p.settle()
	s := p.story()
	holds := func(name string, want ...string) {
		t.Helper()
		s = p.story()
		d := testPainter.draw(s.Ask(s.Asked[0], p.now))
		for _, problem := range overLimits(t, d) {
			t.Errorf("%s: %s", name, problem)
		}
		for _, text := range want {
			if got := shows(t, d.blocks); !strings.Contains(got, text) {
				t.Errorf("%s does not show %q:\n%s", name, text, got)
			}
		}
	}
	holds("the open card", "40 settings", "was waived by sre", "2 of sre or leads", "*Until*", "then the run ends", "leads: asked next", "plan: ", "change_00", "parts more; Details has them", "Approve")
	p.vote("alice", true, "")
	holds("the card with one yes", "1 of 2 have said yes: alice")
	p.vote("bob", true, "")
	holds("the approved card", "approved by alice, bob", "parts more; firebreak runs show has them")
}

// TestWindow holds that a window shows all of what is too long for a card, and
// says so when Slack has no room for it.
func TestWindow(t *testing.T) {
	p := playBook(t, "", changes(40))
	var lines []string
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("<%03d> && \\ü", i))
	}
	p.plan.Detail = strings.Join(lines, "\n")
	p.settle()
	s := p.story()
	all := s.Details(s.Asked[0])
	window := func(parts []chatops.Part) string {
		t.Helper()
		v := testPainter.show(chatops.Card{Title: "x", Parts: parts})
		if n := len(v.Blocks.BlockSet); n > 100 {
			t.Errorf("it has %d blocks", n)
		}
		for _, problem := range overLimits(t, drawn{text: "x", blocks: v.Blocks.BlockSet}) {
			if !strings.Contains(problem, "too many blocks") { // which a window may have
				t.Error(problem)
			}
		}
		return shows(t, v.Blocks.BlockSet)
	}
	few := window(all.Parts[:4])
	for _, line := range lines {
		if n := strings.Count(few, line); n != 3 {
			t.Errorf("of three differences %d show %s", n, line)
		}
	}
	if strings.Contains(few, "no room") || !strings.Contains(window(all.Parts), "firebreak runs show has all of it") {
		t.Error("it leaves something out without a word, or nothing and says so")
	}
	found := chatops.Part{Title: "Why"}
	for i := range 40 {
		found.Lines = append(found.Lines, chatops.Line{Name: fmt.Sprintf("source %d", i), Text: strings.Repeat("seen ", 70)})
	}
	why := window([]chatops.Part{found})
	for i := range 40 {
		if !strings.Contains(why, fmt.Sprintf("*source %d*", i)) {
			t.Errorf("it does not show source %d", i)
		}
	}
}

// TestLongTimeline holds that the end of a run with many steps shows how it
// ended, and that something is left out.
func TestLongTimeline(t *testing.T) {
	p := playBook(t, "alice", changes(120))
	p.settle()
	p.vote("bob", true, "")
	p.now = p.now.Add(time.Minute)
	p.vote("carol", true, "")
	p.settle()
	end, ok := p.story().End()
	if !ok {
		t.Fatal("it has not ended")
	}
	d := testPainter.draw(end)
	for _, problem := range overLimits(t, d) {
		t.Error(problem)
	}
	got := shows(t, d.blocks)
	for _, text := range []string{"lines before\n", "change_119", "of it waiting for people", "<@U0ALICE>"} {
		if !strings.Contains(got, text) {
			t.Errorf("it does not show %q:\n%s", text, got)
		}
	}
	if strings.Contains(got, "change_00  ") || !d.cut {
		t.Error("all of it fits, so that nothing is held here")
	}
}

// TestCodeFits holds that shortened code is as long as it may be at most,
// whatever it is of.
func TestCodeFits(t *testing.T) {
	texts := []string{"", "x", strings.Repeat("&", 4000), strings.Repeat("a line\n", 900), strings.Repeat("<&>\n", 900), strings.Repeat("ü", 5000) + "\nthe end", "```" + strings.Repeat("`", 3500)}
	for _, most := range []int{200, 1000, maxSection} {
		for i, text := range texts {
			end, isCut := codeEnd(text, most)
			for name, got := range map[string]string{"code": code(text, most), "its end": end} {
				if n := utf8.RuneCountInString(got); n > most || strings.Count(got, fence) > 2 {
					t.Errorf("%s of text %d has %d characters of %d: %.80q", name, i, n, most, got)
				}
			}
			if fits := code(text, most) == end; fits == isCut && text != "" {
				t.Errorf("text %d within %d is cut: %t", i, most, isCut)
			}
		}
	}
	if end, _ := codeEnd(texts[5], maxSection); !strings.HasSuffix(end, "the end"+fence) {
		t.Errorf("it ends with %q", end[len(end)-40:])
	}
	part := chatops.Part{Title: strings.Repeat("t", 400), Text: "x", Code: true}
	for left := range 400 { // where there is next to no room any more
		if blocks := testPainter.part(part, &space{left: left}); !slices.ContainsFunc(blocks, func(b slack.Block) bool { return strings.Contains(shows(t, []slack.Block{b}), "x") }) {
			t.Fatalf("with %d characters left it shows nothing", left)
		}
	}
}

// TestLineFits holds that the longest line fits into a message, of characters
// that are escaped, too.
func TestLineFits(t *testing.T) {
	longest := chatops.Line{
		Mark: chatops.MarkUndo, Name: strings.Repeat("&", 200), Text: strings.Repeat("<", 500), Took: time.Hour, Tail: true,
		Detail: slices.Repeat([]string{strings.Repeat(">", 300)}, 20),
	}
	got := lines([]chatops.Line{{Text: "before"}, longest}, maxSection)
	if n := utf8.RuneCountInString(got); n > maxSection || !strings.HasPrefix(got, signs[chatops.MarkUndo]) && !strings.Contains(got, "\n"+signs[chatops.MarkUndo]) {
		t.Errorf("in %d characters it shows %q", n, got)
	}
}

// TestManyChoices holds that of more choices than a select takes one is written.
func TestManyChoices(t *testing.T) {
	var choices []string
	for i := range 101 {
		choices = append(choices, fmt.Sprintf("service-%d", i))
	}
	for n, want := range map[int]string{100: slack.OptTypeStatic, 101: string(slack.METPlainTextInput)} {
		if got := element(chatops.FormField{Name: "service", Choices: choices[:n]}).ElementType(); string(got) != want {
			t.Errorf("%d choices are a %s", n, got)
		}
	}
}
