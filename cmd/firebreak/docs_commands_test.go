package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocsCommandLines parses every command line that a page shows.
func TestDocsCommandLines(t *testing.T) {
	seen := 0
	for file, text := range pages(t) {
		for _, f := range fences(file, text, "sh") {
			for line := range strings.Lines(f.text) {
				line, _, _ = strings.Cut(line, " #")
				words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "bin/"))
				if len(words) < 2 || words[0] != "firebreak" {
					continue
				}
				seen++
				root := newRoot(&app{})
				c, rest, err := root.Find(words[1:])
				if err == nil {
					err = c.ParseFlags(rest)
				}
				if err == nil && c == root {
					err = fmt.Errorf("there is no command %s", words[1])
				}
				if err != nil {
					t.Errorf("%s shows %q: %v", file, line, err)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d command lines", seen)
	}
}

var makeLine = regexp.MustCompile("(?:^|`)make ([a-z]+)")

// TestDocsMake finds every target of make that a page names.
func TestDocsMake(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for file, text := range pages(t) {
		for line := range strings.Lines(text) {
			for _, m := range makeLine.FindAllStringSubmatch(line, -1) {
				seen[m[1]] = true
				if !strings.Contains(string(makefile), "\n"+m[1]+":") {
					t.Errorf("%s names make %s, which does not exist", file, m[1])
				}
			}
		}
	}
	if !seen["drill"] || !seen["test"] {
		t.Errorf("the README does not name make drill and make test: %v", seen)
	}
}
