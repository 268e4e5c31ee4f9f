package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/runbooks"
)

// TestShippedRunbooksPassCheck holds each shipped runbook to check, to its name
// and to the page about them.
func TestShippedRunbooksPassCheck(t *testing.T) {
	names := runbooks.Names()
	if len(names) < 10 {
		t.Fatalf("only %q are shipped", names)
	}
	page, err := os.ReadFile("../../docs/library.md")
	if err != nil {
		t.Fatal(err)
	}
	known, err := actions()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			file, src, err := runbooks.File(name)
			if err != nil {
				t.Fatal(err)
			}
			book, problems := runbook.Parse(file, src, known, nil)
			for _, problem := range problems {
				t.Error(problem)
			}
			if book != nil && (book.Name != name || book.Title == "" || book.Owner == "") {
				t.Errorf("%s holds %q of %q: %q", file, book.Name, book.Owner, book.Title)
			}
			if !strings.Contains(string(page), "\n| ["+name+"](../runbooks/"+file+") |") {
				t.Errorf("docs/library.md has no row for %s", name)
			}
			if _, err := os.Stat("../../runbooks/" + name + "_test.yaml"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestShippedRunbooks plays the tests of the shipped runbooks, which reach all
// of them.
func TestShippedRunbooks(t *testing.T) {
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, env: func(string) string { return "" }}
	if code := execute(t.Context(), a, []string{"test", "../../runbooks", "--coverage", "--min", "100"}); code != exitOK {
		t.Errorf("exit code %s\n%s%s", code, &out, &errs)
	}
}
