package main

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
)

// TestDocsYAML checks every block of YAML that a page shows. What stands
// behind the word yaml says what it is:
//
//	yaml                a whole runbook
//	yaml config         a whole firebreak.yaml
//	yaml steps          steps of a runbook that has steps as in stepsBefore
//	yaml refused ID     a runbook that check refuses with that id
//	yaml steps refused ID
//	yaml test           cases of the runbook before it on the page
func TestDocsYAML(t *testing.T) {
	catalog, err := actions()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for file, text := range pages(t) {
		var last fence
		for _, f := range fences(file, text, "yaml") {
			seen++
			what, id, refused := strings.Cut(strings.TrimPrefix(f.info, "yaml"), "refused ")
			switch strings.TrimSpace(what) {
			case "":
				checkRunbook(t, f, f.text, catalog, id, refused)
				last = f
			case "test":
				checkCases(t, f, last, catalog)
			case "steps":
				checkRunbook(t, f, stepsBefore+indented(f.text), catalog, id, refused)
			case "config":
				checkConfig(t, f)
			default:
				t.Errorf("%s: a block %q is not checked", file, f.info)
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d blocks of YAML", seen)
	}
}

// stepsBefore is what stands before the steps that a page shows alone.
const stepsBefore = `firebreak: v1
name: shown
inputs:
  service: {type: service, required: true}
  size: {type: integer, default: 50}
service: ${{ inputs.service }}
steps:
  - notify: sre-oncall
    text: ${{ inputs.size }} are wanted
  - id: pool
    uses: metrics.pool
  - id: now
    uses: settings.current
    with:
      setting: db.pool.max
`

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}

func checkRunbook(t *testing.T, f fence, src string, catalog runbook.Catalog, id string, refused bool) {
	t.Helper()
	book, problems := runbook.Parse(f.file, []byte(src), catalog, nil)
	if len(problems) == 0 {
		problems = book.Expired(time.Now().UTC().Format(time.DateOnly))
	}
	switch {
	case !refused && len(problems) > 0:
		t.Errorf("%s shows what check refuses: %v\n%s", f.file, problems, src)
	case refused && (len(problems) != 1 || problems[0].ID != id):
		t.Errorf("%s says that check refuses this with %s: %v\n%s", f.file, id, problems, src)
	}
}

// checkCases plays the cases that a page shows.
func checkCases(t *testing.T, f, tested fence, catalog runbook.Catalog) {
	t.Helper()
	file, problems := cases.Parse("shown_test.yaml", []byte(f.text), func(string) (*runbook.Runbook, error) {
		book, problems := runbook.Parse(f.file, []byte(tested.text), catalog, nil)
		if len(problems) > 0 {
			return nil, errors.New(problems[0].String())
		}
		return book, nil
	})
	if len(problems) > 0 {
		t.Errorf("%s shows a test that is refused: %v", f.file, problems)
		return
	}
	for _, c := range file.Cases {
		if r := c.Play(); len(r.Failures) > 0 {
			t.Errorf("%s shows a case that fails: %s", f.file, cases.Report(f.file, c.Name, c.Pos, r.Failures, r.Timeline()))
		}
	}
}

// checkConfig parses a firebreak.yaml, and lets every plugin look at its
// sections as far as that needs nothing else.
func checkConfig(t *testing.T, f fence) {
	t.Helper()
	config, problems := service.Parse(f.file, []byte(f.text))
	if len(problems) == 0 {
		problems = config.Check(service.Known{Capabilities: capabilities(), Builtins: builtinNames(), Zone: isZone})
	}
	if len(problems) > 0 {
		t.Errorf("%s shows a firebreak.yaml that is refused: %v\n%s", f.file, problems, f.text)
	}
}

func builtinNames() []string {
	var names []string
	for name := range builtins() {
		names = append(names, name)
	}
	return names
}

// TestDocsPlugin holds the page on plugins to the example that is compiled and
// tried.
func TestDocsPlugin(t *testing.T) {
	raw, err := os.ReadFile("../../plugins/examples/go/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(raw), "package main\n")
	for _, f := range fences("plugins.md", page(t, "plugins.md"), "go") {
		if strings.Contains(f.text, "plugins.Serve") {
			if _, got, _ := strings.Cut(f.text, "package main\n"); got != shown {
				t.Error("docs/plugins.md does not show plugins/examples/go/main.go as it is")
			}
			return
		}
	}
	t.Error("docs/plugins.md shows no plugin")
}
