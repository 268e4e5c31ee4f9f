package runbook

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the problems found into the goldens")

const (
	ruler     = "\n----\n"
	caseFile  = "book.yaml"
	leastCase = 60
	caseDay   = "2026-07-01" // on which waivers are looked at
)

// TestBroken reads each file of testdata/broken: a runbook above a line of
// dashes, its problems below.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < leastCase {
		t.Fatalf("%d cases, want at least %d", len(files), leastCase)
	}
	catalog := testCatalog(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			src, want, _ := strings.Cut(string(raw), ruler)
			book, problems := ParseAt(caseDay, caseFile, []byte(src+"\n"), catalog, testLibrary)
			if (book == nil) != (len(problems) > 0) {
				t.Fatal("a runbook and problems, or neither")
			}
			if len(problems) == 0 {
				t.Fatal("the runbook is accepted")
			}
			var got strings.Builder
			for _, problem := range problems {
				got.WriteString(problem.ID + " " + problem.String() + "\n")
			}
			if *update {
				if err := os.WriteFile(file, []byte(src+ruler+got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.String() != want {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

// TestLineEndings holds that problems are the same with the line endings of
// another system.
func TestLineEndings(t *testing.T) {
	files, _ := filepath.Glob("testdata/broken/*.txt")
	catalog := testCatalog(t)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		src, _, _ := strings.Cut(string(raw), ruler)
		_, want := Parse(caseFile, []byte(src+"\n"), catalog, testLibrary)
		_, got := Parse(caseFile, []byte(strings.ReplaceAll(src, "\n", "\r\n")+"\r\n"), catalog, testLibrary)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", file, got, want)
		}
	}
}

// TestValid reads each file of testdata/valid, which has no problem.
func TestValid(t *testing.T) {
	files, err := filepath.Glob("testdata/valid/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	catalog := testCatalog(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, problems := Parse(file, src, catalog, testLibrary); len(problems) > 0 {
				t.Errorf("refused: %v", problems)
			}
		})
	}
}
