package service

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// reported is how the code reports a problem: its position, then its id.
var reported = regexp.MustCompile(`addf\([^"\n]+, "([a-z0-9-]+)"|ID: +"([a-z0-9-]+)"`)

// TestProblemKinds holds the table of kinds to the ids that the code reports.
func TestProblemKinds(t *testing.T) {
	told := map[string]bool{}
	for _, k := range ProblemKinds() {
		if told[k.ID] || k.What == "" {
			t.Errorf("%+v is there twice, or says nothing", k)
		}
		told[k.ID] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range reported.FindAllStringSubmatch(string(src), -1) {
			id := m[1] + m[2]
			seen[id] = true
			if _, shared := runbook.KindOfProblem(id); shared == told[id] {
				t.Errorf("%s reports %s, and not exactly one table explains it", file, id)
			}
		}
	}
	for id := range told {
		if !seen[id] {
			t.Errorf("nothing reports %s", id)
		}
	}
}
