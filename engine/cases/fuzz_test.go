package cases_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// FuzzParse holds that a file is a test or problems inside the file, and that
// every case of a test comes to an end.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*")
	for _, file := range files {
		src, _, _ := strings.Cut(string(read(f, file)), ruler)
		if len(src) < 2500 {
			f.Add([]byte(src))
		}
	}
	book, err := finder(f, "testdata/play")("resize")
	if err != nil {
		f.Fatal(err)
	}
	find := func(name string) (*runbook.Runbook, error) {
		if name != "resize" {
			return nil, errors.New("there is none")
		}
		return book, nil
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, problems := cases.Parse("resize_test.yaml", src, find)
		if (file == nil) != (len(problems) > 0) {
			t.Fatalf("%v, %v", file, problems)
		}
		lines := strings.Count(string(src), "\n") + 1
		for _, p := range problems {
			if p.What == "" || p.ID == "" || p.Hint == "" || p.Pos.Line < 1 || p.Pos.Col < 1 || p.Pos.Line > lines {
				t.Fatalf("%+v of %d lines", p, lines)
			}
		}
		if file == nil {
			return
		}
		for _, c := range file.Cases {
			r := c.Play()
			for _, failure := range r.Failures {
				if failure.What == "" || failure.Pos.Line < 1 || failure.Pos.Line > lines {
					t.Fatalf("%+v of %d lines", failure, lines)
				}
			}
			r.Timeline()
		}
		for _, trigger := range file.Triggers {
			trigger.Play([]*runbook.Runbook{book})
		}
	})
}
