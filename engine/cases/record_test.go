package cases_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// TestRecordedRunsPass records how each case of testdata went, as it would
// come back from a journal, and plays the case that was made of it: it passes,
// and the same is decided.
func TestRecordedRunsPass(t *testing.T) {
	files, _ := filepath.Glob("testdata/play/*" + cases.Suffix)
	for _, name := range append(files, "../../runbooks/connection-exhaustion_test.yaml") {
		dir := filepath.Dir(name)
		find := finder(t, dir)
		file, problems := cases.Parse(filepath.Base(name), read(t, name), find)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for _, c := range file.Cases {
			r := c.Play()
			if !r.Run.Ended() {
				continue
			}
			t.Run(c.Name, func(t *testing.T) {
				src, err := cases.Record("again", file.Book, stored(t, r.Records))
				if err != nil {
					t.Fatal(err)
				}
				again, problems := cases.Parse("again_test.yaml", src, find)
				if len(problems) > 0 {
					t.Fatalf("%v in\n%s", problems, src)
				}
				second := again.Cases[0].Play()
				if len(second.Failures) > 0 {
					t.Fatalf("%s\nthe first time:\n%s\nof\n%s", cases.Report("again_test.yaml", "again", runbook.Pos{}, second.Failures, second.Timeline()), strings.Join(r.Timeline(), "\n"), src)
				}
				if a, b := kinds(r), kinds(second); !slices.Equal(a, b) {
					t.Errorf("was\n%v\nis\n%v\nof\n%s", a, b, src)
				}
			})
		}
	}
}

// kinds are what was decided, without what was refused: that is no decision of
// the run.
func kinds(r cases.Result) []string {
	var out []string
	for _, rec := range r.Records {
		if kind := rec.Event.Kind(); kind != "refused" {
			out = append(out, kind)
		}
	}
	return out
}

func stored(t *testing.T, records []engine.Record) []engine.Record {
	t.Helper()
	out := make([]engine.Record, len(records))
	for i, rec := range records {
		kind, data, err := engine.MarshalEvent(rec.Event)
		if err != nil {
			t.Fatal(err)
		}
		e, err := engine.UnmarshalEvent(kind, data)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = engine.Record{Seq: rec.Seq, At: rec.At, Event: e}
	}
	return out
}
