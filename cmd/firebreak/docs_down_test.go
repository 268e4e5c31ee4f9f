package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var shownBy = regexp.MustCompile(`\[(Test\w+)(?:/(\w+))?\]\(([^)]+_test\.go)\)`)

// TestDocsDown holds the table of what still works where something is away to
// the tests that take it away: every row names one, and each is there.
func TestDocsDown(t *testing.T) {
	_, text, _ := strings.Cut(page(t, "operations.md"), "\n## When something of ours is down\n")
	text, _, _ = strings.Cut(text, "\n## ")
	rows := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| away ") {
			continue
		}
		rows++
		named := shownBy.FindAllStringSubmatch(line, -1)
		if named == nil {
			t.Errorf("no test shows this: %s", line)
		}
		for _, m := range named {
			src, err := os.ReadFile(filepath.Join(docsDir, m[3]))
			if err != nil {
				t.Error(err)
				continue
			}
			_, body, there := strings.Cut(string(src), "\nfunc "+m[1]+"(t *testing.T) {\n")
			body, _, _ = strings.Cut(body, "\n}\n")
			if !there || m[2] != "" && !strings.Contains(body, `"`+m[2]+`":`) {
				t.Errorf("there is no %s in %s", strings.Trim(m[1]+"/"+m[2], "/"), m[3])
			}
		}
	}
	if rows < 10 {
		t.Errorf("only %d rows", rows)
	}
}
