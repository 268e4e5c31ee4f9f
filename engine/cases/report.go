package cases

import (
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Report tells people how a case went: of one that failed where, what was
// expected, what happened, and the story of the run.
func Report(file, name string, at runbook.Pos, failures []Failure, story []string) string {
	if len(failures) == 0 {
		return fmt.Sprintf("pass  %s:%d: %s\n", file, at.Line, name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "fail  %s:%d: %s\n", file, at.Line, name)
	for _, f := range failures {
		fmt.Fprintf(&b, "%s:%d:%d: %s\n", file, f.Pos.Line, f.Pos.Col, f.What)
		writeIndented(&b, f.Hint)
	}
	if len(story) > 0 {
		b.WriteString("  what happened:\n")
		writeIndented(&b, strings.Join(story, "\n"))
	}
	return b.String()
}

func writeIndented(b *strings.Builder, text string) {
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		if line != "" {
			b.WriteString("    " + line + "\n")
		}
	}
}
