package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// report is everything that was measured, in order.
type report struct {
	lines []line
}

// line is one thing that was measured: medians over rounds, with the least and
// the most of them.
type line struct {
	Type  string   `json:"type"` // measure
	Name  string   `json:"name"`
	Unit  string   `json:"unit"`
	Value float64  `json:"value"`
	Low   float64  `json:"low"`
	High  float64  `json:"high"`
	Peer  *float64 `json:"peer,omitempty"`  // the same of the peer
	Ratio *float64 `json:"ratio,omitempty"` // value by peer, the median of the rounds' ratios
	Goal  string   `json:"goal,omitempty"`
	Met   *bool    `json:"met,omitempty"` // null: there is no goal
}

// goal is what a value, or where there is a peer a ratio, should be.
type goal struct {
	least, most float64 // 0: no bound
}

func (g goal) met(v float64) *bool {
	if g == (goal{}) {
		return nil
	}
	met := v >= g.least && (g.most == 0 || v <= g.most)
	return &met
}

func (g goal) text(unit string) string {
	switch {
	case g.least > 0:
		return fmt.Sprintf("at least %g %s", g.least, unit)
	case g.most > 0:
		return fmt.Sprintf("at most %g %s", g.most, unit)
	default:
		return ""
	}
}

// add notes what was measured alone.
func (r *report) add(name, unit string, values []float64, g goal) {
	v := median(values)
	r.lines = append(r.lines, line{
		Type: "measure", Name: name, Unit: unit, Value: v, Low: slices.Min(values), High: slices.Max(values),
		Goal: g.text(unit), Met: g.met(v),
	})
}

// compare notes what was measured beside the peer, round by round.
func (r *report) compare(name, unit string, ours, peers []float64, g goal) {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / peers[i]
	}
	ratio, peer := median(ratios), median(peers)
	r.lines = append(r.lines, line{
		Type: "measure", Name: name, Unit: unit, Value: median(ours), Low: slices.Min(ours), High: slices.Max(ours),
		Peer: &peer, Ratio: &ratio, Goal: g.text("x the peer"), Met: g.met(ratio),
	})
}

func (r *report) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	if err := enc.Encode(machine()); err != nil {
		return err
	}
	for _, l := range r.lines {
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// verdict says whether the goal is met; nothing where there is none.
func (l line) verdict() string {
	switch {
	case l.Met == nil:
		return ""
	case *l.Met:
		return "met"
	default:
		return "MISSED"
	}
}

func (r *report) writeTable(to io.Writer) error {
	m := machine()
	fmt.Fprintf(to, "%s/%s, %d cores, %s\n\n", m.OS, m.Arch, m.Cores, m.Go)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tMEDIAN\t[LEAST - MOST]\tPEER\tRATIO\tGOAL\t")
	for _, l := range r.lines {
		peer, ratio := "", ""
		if l.Peer != nil {
			peer, ratio = number(*l.Peer), number(*l.Ratio)
		}
		fmt.Fprintf(w, "%s\t%s %s\t[%s - %s]\t%s\t%s\t%s\t%s\n", l.Name, number(l.Value), l.Unit, number(l.Low), number(l.High), peer, ratio, l.Goal, l.verdict())
	}
	return w.Flush()
}

// number writes three digits that matter.
func number(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	return fmt.Sprintf("%.*f", digits, v)
}

// host is where it was measured.
type host struct {
	Type  string `json:"type"` // machine
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	Cores int    `json:"cores"`
	Go    string `json:"go"`
}

func machine() host {
	return host{"machine", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()}
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile returns the value that a share of the values does not exceed.
func quantile(values []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
