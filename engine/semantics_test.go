package engine_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

func semantics(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func section(t *testing.T, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(semantics(t), "\n## "+name+"\n")
	if !ok {
		t.Fatalf("semantics.md has no section %s", name)
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

func TestTheTableHasNoBlankCell(t *testing.T) {
	var rows [][]string
	for line := range strings.SplitSeq(section(t, "The table"), "\n") {
		if strings.HasPrefix(line, "| ") {
			rows = append(rows, strings.Split(strings.Trim(line, "|"), "|"))
		}
	}
	if len(rows) < 20 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		if len(row) != len(rows[0]) {
			t.Errorf("the row %q has %d cells, wanted %d", row[0], len(row), len(rows[0]))
		}
		for i, cell := range row {
			if strings.TrimSpace(cell) == "" {
				t.Errorf("the cell %s, %s is blank", strings.TrimSpace(row[0]), strings.TrimSpace(rows[0][i]))
			}
		}
	}
}

func TestTheStoriesThatSemanticsNamesExist(t *testing.T) {
	exists := map[string]bool{}
	for _, s := range stories() {
		exists[s.name] = true
	}
	named := map[string]bool{}
	for line := range strings.SplitSeq(section(t, "Stories"), "\n") {
		number, name, ok := strings.Cut(line, ". ")
		if !ok {
			continue
		}
		if !exists[name] {
			t.Errorf("there is no story %q", name)
		}
		delete(exists, name)
		named[number] = true
	}
	for name := range exists {
		t.Errorf("semantics.md does not list the story %q", name)
	}
	for _, ref := range regexp.MustCompile(`\[(\d+)\]`).FindAllStringSubmatch(semantics(t), -1) {
		if !named[ref[1]] {
			t.Errorf("there is no story number %s", ref[1])
		}
	}
}

func TestSemanticsNamesEveryEvent(t *testing.T) {
	body := section(t, "Events")
	for _, kind := range engine.Kinds() {
		if !strings.Contains(body, "`"+kind+"`") {
			t.Errorf("semantics.md does not name the event %s", kind)
		}
	}
}
