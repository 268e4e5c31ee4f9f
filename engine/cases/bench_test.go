package cases_test

import (
	"testing"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// BenchmarkCase plays the shipped runbook from its alert to its cure, with a
// gate, three changes and a verify.
func BenchmarkCase(b *testing.B) {
	const dir = "../../runbooks/"
	file, problems := cases.Parse("connection-exhaustion_test.yaml", read(b, dir+"connection-exhaustion_test.yaml"), finder(b, dir))
	for _, p := range problems {
		b.Fatal(p)
	}
	for b.Loop() {
		if r := file.Cases[0].Play(); len(r.Failures) > 0 {
			b.Fatal(r.Failures)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "cases/s")
}

// BenchmarkParse reads a test file; its runbook is parsed already.
func BenchmarkParse(b *testing.B) {
	const dir = "../../runbooks/"
	src := read(b, dir+"connection-exhaustion_test.yaml")
	find := finder(b, dir)
	book, err := find("connection-exhaustion")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, problems := cases.Parse("x_test.yaml", src, func(string) (*runbook.Runbook, error) { return book, nil }); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
