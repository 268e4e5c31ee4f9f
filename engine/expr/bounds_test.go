package expr

import (
	"strconv"
	"strings"
	"testing"
)

// What stands between words is space: a comment would cut a condition.
func TestNothingIsReadOtherwise(t *testing.T) {
	scope := Scope{"n": Of(Int)}
	for _, tt := range []struct {
		src string
		at  int
	}{
		{"n == 3 // && n > 4", 6},
		{"n == /* any */ 3", 4},
		{"/* é */ n == 3", 0},
		{"n == 3 /* open", 6},
		{"n == 012", 5},
		{"n == 00", 5},
		{"n > 01.5", 4},
	} {
		_, err := Compile(tt.src, scope, nil)
		if err == nil || err.ID != "not-allowed" && err.ID != "syntax" || err.At != tt.at && err.ID != "syntax" {
			t.Errorf("%s: got %+v, want it refused at %d", tt.src, err, tt.at)
		}
	}
	for _, src := range []string{"n == 0", "n > 0.5", `"a//b" + "/* c */" == string(n)`, "n\n\t== 3", "n == 1e6", "n/2 > 1", " n != 10 "} {
		if _, err := Compile(src, scope, nil); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
}

// A number in a text is written as JSON writes it.
func TestNumbersInTexts(t *testing.T) {
	for v, want := range map[any]string{
		1000000.0: "1000000", 12345678.5: "12345678.5", 0.1: "0.1", 0.0: "0", 1e25: "1e+25", 1e-9: "1e-9", -2e6: "-2000000", 7: "7",
	} {
		if got, err := text(v); err != nil || got != want {
			t.Errorf("%v: got %s, %v; want %s", v, got, err, want)
		}
	}
}

// A loop cannot multiply what it is given.
func TestWhatALoopMakesIsCounted(t *testing.T) {
	list := make([]any, 5000)
	for i := range list {
		list[i] = map[string]any{"a": i}
	}
	p, problem := Compile("map(l, l)", Scope{"l": Of(List)}, Any())
	if problem != nil {
		t.Fatal(problem)
	}
	if _, err := p.Any(Vars{"l": list}); err == nil || !strings.Contains(err.Error(), "rounds") {
		t.Errorf("got %v", err)
	}
	if p, problem = Compile("map(l, #)", Scope{"l": Of(List)}, Any()); problem != nil {
		t.Fatal(problem)
	}
	if _, err := p.Any(Vars{"l": list}); err != nil {
		t.Errorf("each element once: %v", err)
	}
}

// BenchmarkManyTemplates shows that the time to read a text grows with its
// length, not with its square: ns per template stays.
func BenchmarkManyTemplates(b *testing.B) {
	for _, n := range []int{4_000, 40_000} {
		src := strings.Repeat("${{1}}", n)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := ParseTemplate(src, Scope{}, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/template")
		})
	}
}
