package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The pages in docs/reference are written anew by
//
//	make reference
//
// and the other pages are held to the code by the tests in docs_*_test.go.

const docsDir = "../../docs"

// page is one page of the documentation, as it stands.
func page(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(docsDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// pages are README.md, CHANGELOG.md and everything in docs, by file.
func pages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(docsDir, "*.md"))
	made, err2 := filepath.Glob(filepath.Join(docsDir, "reference", "*.md"))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range slices.Concat(files, made, []string{"../../README.md", "../../CHANGELOG.md"}) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = string(raw)
	}
	return all
}

// TestDocsReference holds the pages that are made from the code to it.
func TestDocsReference(t *testing.T) {
	fresh := t.TempDir()
	if err := (&app{}).writeDocs(fresh); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(docsDir, "reference")
	names := map[string]bool{}
	for _, dir := range []string{fresh, kept} {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names[f.Name()] = true
		}
	}
	if len(names) < 7 {
		t.Errorf("only %d pages", len(names))
	}
	for name := range names {
		want, err := os.ReadFile(filepath.Join(fresh, name))
		if err != nil {
			t.Errorf("docs/reference/%s is no page of the reference: remove it", name)
			continue
		}
		got, err := os.ReadFile(filepath.Join(kept, name))
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("docs/reference/%s is not what the code says: make reference (%v)\n%s", name, err, diff)
		}
	}
}

// TestDocsPage prints each page, as it is in the folder, and leads to it.
func TestDocsPage(t *testing.T) {
	var out bytes.Buffer
	for _, p := range docPages() {
		out.Reset()
		if code := execute(t.Context(), &app{out: &out, err: &out, env: os.Getenv}, []string{"docs", p.name}); code != exitOK {
			t.Errorf("docs %s exits %s: %s", p.name, code, out.String())
		}
		if out.String() != page(t, filepath.Join("reference", p.name+".md")) {
			t.Errorf("docs %s prints another page", p.name)
		}
		if !strings.Contains(page(t, filepath.Join("reference", "README.md")), "]("+p.name+".md)") {
			t.Errorf("docs/reference/README.md does not lead to %s", p.name)
		}
	}
	if code := execute(t.Context(), &app{out: &out, err: &out, env: os.Getenv}, []string{"docs", "nothing"}); code != exitNotFound {
		t.Errorf("docs nothing exits %s", code)
	}
}

// TestDocsEvents finds every event that the journal has ever held.
func TestDocsEvents(t *testing.T) {
	golden, err := filepath.Glob("../../engine/testdata/events/*")
	if err != nil || len(golden) < 40 {
		t.Fatalf("%d events: %v", len(golden), err)
	}
	text := page(t, "reference/events.md")
	for _, file := range golden {
		kind, _, _ := strings.Cut(filepath.Base(file), ".")
		if !strings.Contains(text, "\n## "+kind+"\n") {
			t.Errorf("docs/reference/events.md does not explain %s", kind)
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notSlug = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// TestDocsLinks follows every link between pages and to files.
func TestDocsLinks(t *testing.T) {
	seen := 0
	for file, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(withoutCode(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			seen++
			path, anchor, _ := strings.Cut(m[1], "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			raw, err := os.ReadFile(target)
			if info, serr := os.Stat(target); serr == nil && info.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
				continue
			}
			if anchor != "" && !hasAnchor(string(raw), anchor) {
				t.Errorf("%s links to %s, and there is no such heading", file, m[1])
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d links between pages", seen)
	}
}

func hasAnchor(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(withoutCode(text), -1) {
		slug := notSlug.ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(slug, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// fence is a block of code in a page.
type fence struct {
	file, info, text string
}

// fences returns the blocks of a page whose info string begins with a word.
func fences(file, text, language string) []fence {
	var out []fence
	var open *fence
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		info, marks := strings.CutPrefix(line, "```")
		switch {
		case open == nil && marks:
			open = &fence{file: file, info: info}
		case open != nil && marks:
			if word, _, _ := strings.Cut(open.info, " "); word == language {
				out = append(out, *open)
			}
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return out
}

var anyFence = regexp.MustCompile("(?ms)^```.*?^```$")

func withoutCode(text string) string { return anyFence.ReplaceAllString(text, "") }
