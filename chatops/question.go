package chatops

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// Card is a question as lines of text: what is asked, of whom, what would be
// done, what differs from the question before, and how to answer. now is for
// the time that is left.
func Card(run string, q engine.Question, now time.Time) []string {
	lines := []string{q.Text + "  " + waitsFor(q, now)}
	for _, c := range q.Changed {
		lines = append(lines, "  changed since you were last asked: "+c)
	}
	for _, m := range q.Members {
		lines = append(lines, member(m)...)
	}
	return append(lines, answers(run, q)...)
}

func waitsFor(q engine.Question, now time.Time) string {
	who := strings.Join(q.Roles, " or ")
	if who == "" {
		who = "nobody: no role may answer"
	}
	if q.Expires.IsZero() {
		return "(waits for " + who + ")"
	}
	return fmt.Sprintf("(waits for %s, %s left)", who, Elapsed(q.Expires.Sub(now)))
}

func member(m engine.Member) []string {
	head := fmt.Sprintf("  %s  %s", lastSegment(m.Path), m.Action)
	if m.Affected > 0 || m.Total > 0 {
		head += "  touches " + radius(m)
	}
	lines := []string{head}
	for line := range strings.Lines(m.Detail) {
		lines = append(lines, "      "+strings.TrimRight(line, "\n"))
	}
	undo := "undo: " + m.Undo
	if m.Undo == "" {
		undo = "undo: none"
	}
	lines = append(lines, "      "+undo)
	if m.NoPrecond {
		lines = append(lines, "      cannot check that nothing changes in between")
	}
	return lines
}

func radius(m engine.Member) string {
	if m.Total > 0 {
		return fmt.Sprintf("%d of %d %s", m.Affected, m.Total, m.Unit)
	}
	return fmt.Sprintf("%d %s", m.Affected, m.Unit)
}

// answers are the commands that answer a question.
func answers(run string, q engine.Question) []string {
	if q.Kind == engine.AskGate {
		return []string{fmt.Sprintf("  firebreak approve %s    firebreak deny %s --reason WHY", run, run)}
	}
	lines := make([]string, 0, len(q.Choices))
	for _, c := range q.Choices {
		lines = append(lines, fmt.Sprintf("  firebreak resolve %s %s %s", run, q.Path, c))
	}
	return lines
}

func lastSegment(path string) string {
	return path[strings.LastIndexByte(path, '/')+1:]
}

// Elapsed is a duration as people read it: 0.4 s, 12 s, 3m05s.
func Elapsed(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}
