package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// inner are the steps that are put inside others, by the column of the table.
// A group holds x, a read.
var inner = map[string]string{
	"a read":   step("id: i", "uses: world.read", "with: {key: x}"),
	"a change": step("id: i", "uses: world.set", "with: {key: x, value: 7}", undoSet, gated, unverified),
	"steps":    group("i", read("x")),
	"parallel": side("i", read("x")),
	"foreach":  each("i", "[7]", read("x")),
	"call":     step("id: i", "call: inside"),
	"wait":     step("id: i", "wait: 5s"),
	"set":      step("id: i", "set: {n: 1}"),
	"notify":   step("id: i", "notify: ops", "text: hello"),
	"ask":      step("id: i", "ask: how many", "of: [{role: ops, for: 5m}]", "value: {type: integer}"),
	"fail":     step("id: i", "fail: enough"),
}

const inside = "\n---\nname: inside\nsteps:" + "\n  - id: x\n    uses: world.read\n    with: {key: x}"

// outer is a runbook with steps inside others, by the row of the table.
func outer(kind, steps string) string {
	broken := book(read("a"), step("if: steps.a.outputs.value == 0", "fail: enough"))
	switch kind {
	case "steps":
		return book(group("o", steps)) + inside
	case "parallel":
		return book(side("o", steps)) + inside
	case "foreach":
		return book(each("o", "[7]", steps)) + inside
	case "call":
		return book(step("id: o", "call: other")) + "\n---\nname: other\n" + book(steps) + inside
	case "on_failure":
		return broken + "\non_failure:" + steps + inside
	case "finally":
		return book(read("a")) + "\nfinally:" + steps + inside
	default:
		return ""
	}
}

// TestWhatIsInsideWhat plays every cell of the table: the step whose path it
// holds comes to its end.
func TestWhatIsInsideWhat(t *testing.T) {
	var columns []string
	cells := 0
	for line := range strings.SplitSeq(section(t, "What is inside what"), "\n") {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		row := strings.Split(strings.Trim(line, "|"), "|")
		for i := range row {
			row[i] = strings.Trim(strings.TrimSpace(row[i]), "`")
		}
		if columns == nil {
			columns = row
			continue
		}
		for i, path := range row[1:] {
			cells++
			t.Run(row[0]+"/"+columns[i+1], func(t *testing.T) { playInside(t, row[0], columns[i+1], path) })
		}
	}
	if want := 6 * len(inner); cells != want {
		t.Errorf("%d cells, wanted %d", cells, want)
	}
}

func playInside(t *testing.T, row, column, path string) {
	t.Helper()
	src := outer(row, inner[column])
	if src == "" || inner[column] == "" {
		t.Fatalf("there is no %s, or no %s", row, column)
	}
	p := play(t, src).Start()
	want := engine.StatusSucceeded
	switch column {
	case "a change":
		p.Approve("alice")
	case "ask":
		p.Say(engine.Provide{By: "alice", Question: p.Question(engine.AskValue).ID, Value: []byte("3")})
	case "fail":
		want = engine.StatusFailed
	}
	p.Sleep(10 * time.Second)
	if p.Book.Step(path) == nil && p.Run.Book.Step(path) == nil {
		t.Fatalf("there is no step %s", path)
	}
	p.Status(path, want)
	if !p.Run.Ended() {
		t.Errorf("the run has not ended; it waits on %v", p.Waits())
	}
	if column == "a change" {
		p.Holds("x", 7)
	}
	if d := enginetest.Diff(enginetest.Replay(p.Book, p.Journal), p.Run); d != "" {
		t.Error(d)
	}
}
