package runbook

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const head = "firebreak: v1\nname: case\nservice: api\nsteps:\n"

// TestBombs refuses what is made to be large, and quickly: nothing of it may
// be walked.
func TestBombs(t *testing.T) {
	catalog := testCatalog(t)
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	for name, test := range map[string]struct{ src, id string }{
		"50 MB":            {strings.Repeat("a: b\n", 10<<20), "too-large"},
		"flow":             {"a: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), "too-deep"},
		"flow never shut":  {strings.Repeat("{a: ", 20_000), "too-deep"},
		"flow over lines":  {"a:\n" + strings.Repeat(" [\n", 20_000), "too-deep"},
		"flow after text":  {"a: b\nc: [\"]\", " + strings.Repeat("[", 20_000), "too-deep"},
		"dashes":           {strings.Repeat("- ", 20_000), "too-deep"},
		"dashes in lines":  {dashes(1400), "too-deep"},
		"questions":        {strings.Repeat("? ", 20_000), "too-deep"},
		"aliases":          {laughs.String(), "yaml-anchor"},
		"alias of itself":  {"a: &a [*a]\n", "yaml-anchor"},
		"steps":            {head + strings.Repeat("  - wait: 1s\n", MaxSteps+1), "too-large"},
		"expression":       {head + "  - if: " + strings.Repeat("1+", 40<<10) + "1 == 2\n    wait: 1s\n", "too-large"},
		"groups":           {groups(200), "too-deep"},
		"not text":         {"a: \xff\xfe", "not-text"},
		"lone return":      {"a: b\rc: d", "not-text"},
		"UTF-16":           {"\xff\xfea\x00", "not-text"},
		"quote never shut": {"a: \"" + strings.Repeat("[", 1000), "yaml"},
	} {
		book, problems := Parse("bomb.yaml", []byte(test.src), catalog, nil)
		if book != nil || len(problems) == 0 || problems[0].ID != test.id {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func dashes(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "-\n")
	}
	return b.String()
}

func groups(depth int) string {
	var b strings.Builder
	b.WriteString(head)
	for i := range depth {
		b.WriteString(strings.Repeat("  ", i+1) + "- steps:\n")
	}
	return b.String()
}

// TestLargeButFine accepts what is within the limits.
func TestLargeButFine(t *testing.T) {
	var b strings.Builder
	b.WriteString(head)
	for i := range MaxSteps / 2 {
		fmt.Fprintf(&b, "  - id: s%d\n    uses: metrics.pool\n", i)
		fmt.Fprintf(&b, "  - if: steps.s%d.outputs.max > 3\n    notify: sre\n    text: it has ${{ steps.s%d.outputs.max }}\n", i, i)
	}
	book, problems := Parse("large.yaml", []byte(b.String()), testCatalog(t), nil)
	if len(problems) > 0 || len(book.All()) != MaxSteps {
		t.Fatalf("refused: %v", problems)
	}
}

func TestTextWithBracketsIsNotDeep(t *testing.T) {
	src := head + "  - notify: sre\n    text: |\n" + strings.Repeat("      [[[[ {{{{ - - -\n", 100) +
		"  - notify: sre\n    text: it's a [list and don't count" + strings.Repeat(" [", 200) + "\n" +
		"  # " + strings.Repeat("[", 200) + "\n  - notify: sre\n    text: '" + strings.Repeat("[", 200) + "'\n"
	if _, problems := Parse("text.yaml", []byte(src), nil, nil); len(problems) > 0 {
		t.Errorf("refused: %v", problems)
	}
}

func TestManyProblemsAreCutShort(t *testing.T) {
	_, problems := Parse("many.yaml", []byte(head+strings.Repeat("  - wait: soon\n", 500)), nil, nil)
	if len(problems) != maxProblems+1 || problems[maxProblems].ID != "too-many" {
		t.Errorf("%d problems", len(problems))
	}
}

// BenchmarkCheck reads 1,000 steps: half of them may fail, and the others read
// them where they did not; or each has a condition on the same name.
func BenchmarkCheck(b *testing.B) {
	catalog := testCatalog(b)
	for name, src := range map[string]string{"reads": optionalReads(500), "conditions": conditions(1000)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, problems := Parse("b.yaml", []byte(src), catalog, nil); len(problems) > 0 {
					b.Fatal(problems)
				}
			}
		})
	}
}

func conditions(n int) string {
	var src strings.Builder
	src.WriteString(head)
	for i := range n {
		fmt.Fprintf(&src, "  - id: s%d\n    if: run.requester == \"u%d\"\n    uses: metrics.pool\n", i, i)
	}
	return src.String()
}

func BenchmarkParse(b *testing.B) {
	src := optionalReads(50)
	catalog := testCatalog(b)
	b.Run("parse", func(b *testing.B) {
		for b.Loop() {
			if _, problems := Parse("b.yaml", []byte(src), catalog, nil); len(problems) > 0 {
				b.Fatal(problems)
			}
		}
	})
	b.Run("yaml", func(b *testing.B) {
		for b.Loop() {
			var n yaml.Node
			if err := yaml.Unmarshal([]byte(src), &n); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func optionalReads(n int) string {
	var src strings.Builder
	src.WriteString(head)
	for i := range n {
		fmt.Fprintf(&src, "  - id: s%d\n    uses: metrics.pool\n    with:\n      window: 10s\n    optional: true\n", i)
		fmt.Fprintf(&src, "  - if: steps.s%d.status == \"succeeded\" && steps.s%d.outputs.max > 3\n    notify: sre\n    text: it has ${{ steps.s%d.outputs.max }}\n", i, i, i)
	}
	return src.String()
}

// What is said of a file is bounded however much is wrong with it.
func TestManyProblems(t *testing.T) {
	_, problems := Parse("b.yaml", []byte(manyProblems(20_000)), testCatalog(t), nil)
	if len(problems) != maxProblems+1 {
		t.Errorf("%d problems, want %d and the word that there are more", len(problems), maxProblems)
	}
}

// BenchmarkManyProblems shows that the time to refuse a file grows with what
// is wrong with it, not with its square: ns per problem stays.
func BenchmarkManyProblems(b *testing.B) {
	catalog := testCatalog(b)
	for _, n := range []int{1_000, 10_000} {
		src := []byte(manyProblems(n))
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				Parse("b.yaml", src, catalog, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/problem")
		})
	}
}

func manyProblems(n int) string {
	return "firebreak: v1\nname: c\nservice: api\nsteps:\n  - approve: {of: [{role: s, for: 5m}]}\n    steps:\n      - id: p\n        uses: metrics.pool\n" +
		"      - uses: settings.apply\n        with:\n          value: 1\n          setting: " + strings.Repeat("x ${{ steps.p.outputs.max }}", n) + "\n"
}
