package accuracy

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/builtin/diagnose"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// view is what of a trial a diagnosis gets to see.
type view struct {
	name  string
	goal  float64 // of the right cause first
	input func(result) capability.DiagnoseInput
}

var views = []view{
	{"all sources, one timeout after", 0.95, func(r result) capability.DiagnoseInput { return r.late.DiagnoseInput }},
	{"all sources, a quarter after", 0.90, func(r result) capability.DiagnoseInput { return r.early.DiagnoseInput }},
	{"metrics only", 0.75, func(r result) capability.DiagnoseInput { return capability.DiagnoseInput{Pool: r.late.Pool} }},
	{"metrics only, without exporters", 0.75, func(r result) capability.DiagnoseInput {
		if r.late.Pool == nil {
			return capability.DiagnoseInput{}
		}
		own := *r.late.Pool
		own.Database, own.Pooler = nil, nil
		return capability.DiagnoseInput{Pool: &own}
	}},
	{"database and pooler only", 0.80, func(r result) capability.DiagnoseInput {
		return capability.DiagnoseInput{Database: r.late.Database, Pooler: r.late.Pooler}
	}},
	{"no change feed", 0.92, func(r result) capability.DiagnoseInput {
		in := r.late.DiagnoseInput
		in.Changes = nil
		return in
	}},
}

// inWords are the views through what libraries say, all sources at hand.
func inWords() []view {
	var out []view
	for _, l := range libraries {
		in := func(of reading) capability.DiagnoseInput {
			of.Pool = of.pools[l.name]
			return of.DiagnoseInput
		}
		out = append(out,
			view{l.name + ", one timeout after", 0.95, func(r result) capability.DiagnoseInput { return in(r.late) }},
			view{l.name + ", a quarter after", 0.90, func(r result) capability.DiagnoseInput { return in(r.early) }},
			view{l.name + " alone", 0.75, func(r result) capability.DiagnoseInput { return capability.DiagnoseInput{Pool: in(r.late).Pool} }},
		)
	}
	return out
}

func (r result) print(w io.Writer) {
	early, late := diagnose.Connections(r.early.DiagnoseInput), diagnose.Connections(r.late.DiagnoseInput)
	right := late.Top.Cause == r.fault.cause
	if r.fault.second != "" {
		right = amongThree(late, r.fault.cause) && amongThree(late, r.fault.second)
	}
	mark := "ok "
	if !right {
		mark = "BAD"
	}
	fmt.Fprintf(w, "%s %-32s seed %d: early %s %.2f, late %s %.2f\n", mark, r.fault.name, r.seed, early.Top.Cause, early.Top.Confidence, late.Top.Cause, late.Top.Confidence)
}

// score counts how the trials look through a view. Unknown counts as a miss
// where there was a fault.
type score struct {
	first, third, faulty, alarms, calm, sure, wrong int
	both, twice                                     int // of two at once: both among the first three, and how many there were
	confused                                        map[string]int
	said                                            map[int][2]int // by tenths: how often, and how often right
	missed                                          []string
}

func (s *score) add(r result, out capability.DiagnoseOutput) {
	f, cause := r.fault, r.fault.cause
	if f.second != "" {
		s.twice++
		if amongThree(out, cause) && amongThree(out, f.second) {
			s.both++
		} else {
			s.missed = append(s.missed, ranked(r, out))
		}
		return
	}
	if cause == capability.UnknownCause {
		s.calm++
		if out.Top.Cause != capability.UnknownCause {
			s.alarms++
			s.missed = append(s.missed, ranked(r, out))
		}
		return
	}
	s.faulty++
	hit := 0
	if out.Top.Cause == cause {
		hit = 1
	} else {
		s.confused[fmt.Sprintf("%s taken for %s", cause, out.Top.Cause)]++
		s.missed = append(s.missed, ranked(r, out))
	}
	s.first += hit
	if amongThree(out, cause) {
		s.third++
	}
	if out.Top.Confidence >= 0.9 {
		s.sure++
		s.wrong += 1 - hit
	}
	if tenth := int(out.Top.Confidence * 10); tenth > 0 {
		s.said[tenth] = [2]int{s.said[tenth][0] + 1, s.said[tenth][1] + hit}
	}
}

// ranked is one trial with what was ranked first, for who wants to know why.
func ranked(r result, out capability.DiagnoseOutput) string {
	line := r.fault.name + ":"
	if r.seed != 0 {
		line = fmt.Sprintf("%s, seed %d:", r.fault.name, r.seed)
	}
	for _, f := range out.Findings[:min(4, len(out.Findings))] {
		line += fmt.Sprintf(" %s %.2f", f.Cause, f.Confidence)
	}
	return line
}

func amongThree(out capability.DiagnoseOutput, cause capability.Cause) bool {
	return slices.ContainsFunc(out.Findings[:min(3, len(out.Findings))], func(f capability.Finding) bool { return f.Cause == cause })
}

func (s *score) write(w io.Writer, v view) {
	low, high := wilson(s.first, s.faulty)
	met := "met"
	if float64(s.first) < v.goal*float64(s.faulty) {
		met = "missed"
	}
	fmt.Fprintf(w, "\n%s: first %d of %d (%.2f, 95 %% between %.2f and %.2f; goal %.2f %s), among three %d; at 0.9 and more wrong %d of %d; false alarms %d of %d; of two at once both among three %d of %d\n",
		v.name, s.first, s.faulty, float64(s.first)/float64(max(1, s.faulty)), low, high, v.goal, met, s.third, s.wrong, s.sure, s.alarms, s.calm, s.both, s.twice)
	for _, line := range slices.Sorted(maps.Keys(s.confused)) {
		fmt.Fprintf(w, "  %d × %s\n", s.confused[line], line)
	}
	if *misses {
		for _, line := range s.missed {
			fmt.Fprintf(w, "  missed: %s\n", line)
		}
	}
	for _, tenth := range slices.Sorted(maps.Keys(s.said)) {
		fmt.Fprintf(w, "  said 0.%d: right %d of %d\n", tenth, s.said[tenth][1], s.said[tenth][0])
	}
}

// report writes the figures.
func report(w io.Writer, all []result) {
	for _, v := range slices.Concat(views, inWords()) {
		s := score{confused: map[string]int{}, said: map[int][2]int{}}
		for _, r := range all {
			s.add(r, diagnose.Connections(v.input(r)))
		}
		s.write(w, v)
	}
	var took []time.Duration
	for _, r := range all {
		took = append(took, r.took...)
	}
	if slices.Sort(took); len(took) > 0 {
		fmt.Fprintf(w, "\nread within: half %s, p95 %s, longest %s\n", took[len(took)/2].Round(time.Millisecond), took[len(took)*95/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	}
}

// wilson is the interval in which a share lies with 95 % certainty.
func wilson(hits, of int) (low, high float64) {
	if of == 0 {
		return 0, 1
	}
	const z = 1.96
	n, p := float64(of), float64(hits)/float64(of)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return middle - half, middle + half
}
