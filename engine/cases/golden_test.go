package cases_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

var update = flag.Bool("update", false, "write what is found into the goldens")

// TestPlay plays every test file of testdata/play, and compares what is told
// of each case, and what is covered, with the file beside it.
func TestPlay(t *testing.T) {
	files, _ := filepath.Glob("testdata/play/*" + cases.Suffix)
	if len(files) < 2 {
		t.Fatalf("%d files", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { golden(t, strings.TrimSuffix(file, ".yaml")+".want", played(t, file)) })
	}
}

func played(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Dir(name)
	file, problems := cases.Parse(filepath.Base(name), read(t, name), finder(t, dir))
	for _, p := range problems {
		t.Fatal(p)
	}
	var b strings.Builder
	cover := cases.NewCoverage(file.Book)
	for _, c := range file.Cases {
		r := c.Play()
		cover.Add(r)
		b.WriteString(cases.Report(file.Name, c.Name, c.Pos, r.Failures, r.Timeline()))
	}
	for _, trigger := range file.Triggers {
		b.WriteString(cases.Report(file.Name, trigger.Name, trigger.Pos, trigger.Play([]*runbook.Runbook{file.Book}), nil))
	}
	for _, p := range cover.Missed() {
		b.WriteString("missed " + p.Step + ": " + p.What + "\n")
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := string(read(t, file)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

const ruler = "\n----\n"

// TestBroken reads each file of testdata/broken: a test file above a line of
// dashes, its problems below.
func TestBroken(t *testing.T) {
	files, _ := filepath.Glob("testdata/broken/*.txt")
	if len(files) < 10 {
		t.Fatalf("%d files", len(files))
	}
	find := finder(t, "testdata/play")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			src, want, _ := strings.Cut(string(read(t, file)), ruler)
			f, problems := cases.Parse("resize_test.yaml", []byte(src+"\n"), find)
			if f != nil || len(problems) == 0 {
				t.Fatal("the file is accepted")
			}
			var got strings.Builder
			for _, p := range problems {
				got.WriteString(p.ID + " " + p.String() + "\n")
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

// TestSameTwice holds that a case is a function of its file.
func TestSameTwice(t *testing.T) {
	files, _ := filepath.Glob("testdata/play/*" + cases.Suffix)
	for _, file := range files {
		if a, b := played(t, file), played(t, file); a != b {
			t.Errorf("%s: once\n%s\nthen\n%s", file, a, b)
		}
	}
}
