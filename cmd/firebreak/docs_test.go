package main

import (
	"bufio"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The pages in docs that come from code are written anew by
//
//	go test ./cmd/firebreak -run TestDocs -update
//
// and the other pages are held to the code by the tests in docs_*_test.go.
var update = flag.Bool("update", false, "write the pages in docs that come from code")

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
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range append(files, "../../README.md", "../../CHANGELOG.md") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = string(raw)
	}
	return all
}

// TestDocsFromCode holds the pages that are made from the code to it.
func TestDocsFromCode(t *testing.T) {
	for name, write := range map[string]func(*testing.T) string{
		"commands.md": commandsPage,
		"actions.md":  actionsPage,
		"events.md":   eventsPage,
	} {
		want := write(t)
		if *update {
			if err := os.WriteFile(filepath.Join(docsDir, name), []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(page(t, name), "\n")); diff != "" {
			t.Errorf("docs/%s is not what the code says; go test ./cmd/firebreak -run TestDocs -update\n%s", name, diff)
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
