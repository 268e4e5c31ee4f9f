package runbook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse holds that a file is a runbook or problems inside the file.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/valid/*.yaml")
	broken, _ := filepath.Glob("testdata/broken/*.txt")
	for _, file := range append(files, broken...) {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		src, _, _ := strings.Cut(string(raw), ruler)
		if len(src) < 4000 {
			f.Add([]byte(src))
		}
	}
	catalog := testCatalog(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		book, problems := Parse("fuzz.yaml", src, catalog, nil)
		if (book == nil) != (len(problems) > 0) {
			t.Fatalf("%v, %v", book, problems)
		}
		lines := strings.Count(string(src), "\n") + 1
		last := Pos{}
		for _, p := range problems {
			if p.What == "" || p.ID == "" || p.Pos.Line < 1 || p.Pos.Col < 1 || p.Pos.Line > lines {
				t.Fatalf("%+v of %d lines", p, lines)
			}
			if p.Pos.Line < last.Line {
				t.Fatalf("not sorted: %v", problems)
			}
			last = p.Pos
		}
		if book == nil {
			return
		}
		for _, s := range book.Mutations() {
			if s.Gate() == nil || s.Undo == nil {
				t.Fatalf("%s has no gate or undo", s.Path)
			}
		}
	})
}
