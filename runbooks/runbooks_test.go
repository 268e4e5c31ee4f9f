package runbooks_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/builtin/exec"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/runbooks"
)

// catalog holds the actions of the contracts, as check sees them where no
// plugin is configured.
func catalog(t *testing.T) runbook.Catalog {
	t.Helper()
	catalog := runbook.Catalog{}
	add := func(c plugins.Action) {
		action, err := runbook.NewAction(c.Name, string(c.Effect), c.Input, c.Output)
		if err != nil {
			t.Fatal(err)
		}
		action.Undo, action.Idempotent, action.Probe = c.Undo, c.Idempotent, c.Probe
		action.NoPrecondition, action.SettlesIn, action.Doc = c.NoPrecondition, c.SettlesIn, c.Doc
		catalog[c.Name] = action
	}
	for _, c := range capability.All() {
		add(c)
	}
	for _, c := range exec.New().Describe().Actions {
		add(c)
	}
	return catalog
}

// library parses every shipped runbook, as check does.
func library(t *testing.T) map[string]*runbook.Runbook {
	t.Helper()
	actions, books := catalog(t), map[string]*runbook.Runbook{}
	for _, name := range runbooks.Names() {
		file, src, err := runbooks.File(name)
		if err != nil {
			t.Fatal(err)
		}
		book, problems := runbook.Parse(file, src, actions, runbooks.File)
		for _, problem := range problems {
			t.Error(problem)
		}
		if book != nil {
			books[name] = book
		}
	}
	if len(books) < 8 {
		t.Fatalf("only %d runbooks are shipped", len(books))
	}
	return books
}

func TestEveryShippedRunbookPassesCheck(t *testing.T) {
	for name, book := range library(t) {
		if book.Name != name {
			t.Errorf("%s holds the runbook %s", book.File, book.Name)
		}
		if book.Title == "" || book.Owner == "" {
			t.Errorf("%s says not what it is for, or whose it is", book.File)
		}
		for _, in := range book.Inputs {
			if in.Doc == "" && name != "connection-exhaustion" { // whose bytes are drilled
				t.Errorf("%s: nothing says what %s means", book.File, in.Name)
			}
		}
		for _, problem := range book.Expired(time.Now().UTC().Format(time.DateOnly)) {
			t.Error(problem)
		}
	}
}

// TestEveryShippedRunbookIsTested plays the cases beside each, which reach all
// of it, and its triggers against those of all others.
func TestEveryShippedRunbookIsTested(t *testing.T) {
	books := library(t)
	folder := make([]*runbook.Runbook, 0, len(books))
	for _, name := range runbooks.Names() {
		folder = append(folder, books[name])
	}
	for name, book := range books {
		t.Run(name, func(t *testing.T) {
			at := name + cases.Suffix
			src, err := os.ReadFile(at)
			if err != nil {
				t.Fatal(err)
			}
			file, problems := cases.Parse(at, src, func(string) (*runbook.Runbook, error) { return book, nil })
			for _, problem := range problems {
				t.Error(problem)
			}
			if len(problems) > 0 {
				return
			}
			cover := cases.NewCoverage(book)
			for _, c := range file.Cases {
				r := c.Play()
				cover.Add(r)
				if len(r.Failures) > 0 {
					t.Error(cases.Report(at, c.Name, c.Pos, r.Failures, r.Timeline()))
				}
			}
			for _, missed := range cover.Missed() {
				t.Errorf("no case reaches %+v", missed)
			}
			for _, trigger := range file.Triggers {
				if failures := trigger.Play(folder); len(failures) > 0 {
					t.Error(cases.Report(at, trigger.Name, trigger.Pos, failures, nil))
				}
			}
			if len(book.Triggers) > 0 && len(file.Triggers) == 0 {
				t.Error("no alert tries its triggers")
			}
		})
	}
}

// TestPage holds docs/library.md to the runbooks: each has a section with its
// title, its inputs, the commands that it runs and what it calls.
func TestPage(t *testing.T) {
	raw, err := os.ReadFile("../docs/library.md")
	if err != nil {
		t.Fatal(err)
	}
	sections, books := map[string]string{}, library(t)
	before, rest, _ := strings.Cut(string(raw), "\n## ")
	for section := range strings.SplitSeq(rest, "\n## ") {
		name, text, _ := strings.Cut(section, "\n")
		if sections[name] = text; books[name] == nil && name != "Commands" {
			t.Errorf("docs/library.md has a section about %s, which is not shipped", name)
		}
	}
	command := regexp.MustCompile(`command: ([a-z-]+)`)
	var used []string
	for name, book := range books {
		text := sections[name]
		if !strings.Contains(before, "](#"+name+")") {
			t.Errorf("docs/library.md does not lead to %s", name)
		}
		wanted := []string{book.Title, "../runbooks/" + name + ".yaml"}
		for _, in := range book.Inputs {
			wanted = append(wanted, "`"+in.Name+"`")
		}
		_, src, _ := runbooks.File(name)
		for _, m := range command.FindAllStringSubmatch(string(src), -1) {
			wanted, used = append(wanted, "`"+m[1]+"`"), append(used, m[1])
		}
		for _, word := range wanted {
			if !strings.Contains(text, word) {
				t.Errorf("docs/library.md does not say %s about %s", word, name)
			}
		}
	}
	for _, name := range used {
		if !strings.Contains(sections["Commands"], "\n      "+name+": {argv: [") && !strings.Contains(sections["Commands"], "\n      "+name+":\n") {
			t.Errorf("docs/library.md shows no configuration of the command %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^      ([a-z-]+):`).FindAllStringSubmatch(sections["Commands"], -1) {
		if !slices.Contains(used, m[1]) {
			t.Errorf("docs/library.md configures %s, which no runbook runs", m[1])
		}
	}
}

func TestUnknownRunbook(t *testing.T) {
	if _, _, err := runbooks.File("nothing"); err == nil || !strings.Contains(err.Error(), "connection-exhaustion") {
		t.Errorf("got %v", err)
	}
}
