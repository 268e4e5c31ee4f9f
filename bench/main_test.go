package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMeasure runs the whole benchmark with sizes that say nothing of speed:
// everything is measured, and nothing fails on the way.
func TestMeasure(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "firebreak")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/firebreak")
	build.Dir = ".."
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	r, err := measure(t.Context(), binary, tiny, func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range r.lines {
		if l.Value == 0 || l.Peer != nil && (*l.Peer <= 0 || *l.Ratio <= 0) {
			t.Errorf("%s: nothing was measured: %+v", l.Name, l)
		}
	}
	var table, lines bytes.Buffer
	if err := r.writeTable(&table); err != nil {
		t.Fatal(err)
	}
	if err := r.writeJSON(&lines); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", table.String())
	if got := bytes.Count(lines.Bytes(), []byte("\n")); got != len(r.lines)+1 {
		t.Errorf("%d lines of JSON for %d measures and the machine", got, len(r.lines))
	}
}

func TestGoal(t *testing.T) {
	for _, c := range []struct {
		g    goal
		v    float64
		want string
	}{
		{goal{least: 2}, 1.99, "MISSED"},
		{goal{least: 2}, 2, "met"},
		{goal{most: 40}, 40, "met"},
		{goal{most: 40}, 40.1, "MISSED"},
		{goal{}, 40, ""},
	} {
		r := &report{}
		r.add("x", "MB", []float64{c.v}, c.g)
		if got := r.lines[0].verdict(); got != c.want {
			t.Errorf("%+v of %g is %q, want %q", c.g, c.v, got, c.want)
		}
	}
}

// A comparison's ratio is the median of the rounds' ratios, not the ratio of
// the medians: a round's noise meets both.
func TestCompare(t *testing.T) {
	r := &report{}
	r.compare("x", "/s", []float64{10, 40, 90}, []float64{10, 10, 30}, goal{least: 3})
	l := r.lines[0]
	if l.Value != 40 || *l.Peer != 10 || *l.Ratio != 3 || l.Low != 10 || l.High != 90 || !*l.Met {
		t.Errorf("%+v, peer %g, ratio %g", l, *l.Peer, *l.Ratio)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.00352: "0.00352", 0.747: "0.747", 2.9: "2.90", 39.43: "39.4", 204: "204", 5376.2: "5376"} {
		if got := number(v); got != want {
			t.Errorf("%g is written %s, want %s", v, got, want)
		}
	}
}
