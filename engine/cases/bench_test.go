package cases_test

import (
	"testing"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// BenchmarkCase plays cases of the shipped runbook: from its start to its cure,
// with a gate, three changes and a verify of 13 samples, and to a no.
func BenchmarkCase(b *testing.B) {
	const dir = "../../runbooks/"
	file, problems := cases.Parse("connection-exhaustion_test.yaml", read(b, dir+"connection-exhaustion_test.yaml"), finder(b, dir))
	for _, p := range problems {
		b.Fatal(p)
	}
	for _, c := range file.Cases {
		if c.Name != "a no changes nothing" && c != file.Cases[0] {
			continue
		}
		b.Run(c.Name, func(b *testing.B) {
			for b.Loop() {
				if r := c.Play(); len(r.Failures) > 0 {
					b.Fatal(r.Failures)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "cases/s")
		})
	}
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
