// Command bench measures firebreak, as it is shipped, beside a peer. README.md
// says what is measured, and how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	binary := flag.String("firebreak", "../bin/firebreak", "the binary to measure, as `make build` makes it")
	short := flag.Bool("short", false, "sizes that say nothing of speed, to see that the benchmark works")
	asJSON := flag.Bool("json", false, "write one JSON value a line instead of a table")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := full
	if *short {
		s = tiny
	}
	r, err := measure(ctx, *binary, s, func(text string) { fmt.Fprintln(os.Stderr, text) })
	if err != nil {
		return err
	}
	if *asJSON {
		return r.writeJSON(os.Stdout)
	}
	return r.writeTable(os.Stdout)
}

// sizes are how much is measured.
type sizes struct {
	rounds    int         // of everything that is measured beside the peer
	alone     int         // runs, one after the other, in a round
	at        map[int]int // runs in a round, by how many at once
	approvals int         // in a round
	starts    int
	waiting   int // runs that wait while memory and disk are looked at
	resting   int // runs that wait while the owner is killed
	running   int // runs that are under way then
	kills     int
	alerts    int // beside nothing, and again beside runs
	beside    int // runs beside which alerts come
}

var (
	full = sizes{
		rounds: 5, alone: 40, at: map[int]int{1: 40, 32: 192, 256: 512}, approvals: 4, starts: 11,
		waiting: 100_000, resting: 10_000, running: 32, kills: 5, alerts: 200, beside: 256,
	}
	tiny = sizes{
		rounds: 1, alone: 2, at: map[int]int{1: 2, 32: 32, 256: 8}, approvals: 1, starts: 1,
		waiting: 20, resting: 10, running: 2, kills: 1, alerts: 5, beside: 4,
	}
)

// measure measures everything. It takes minutes with the full sizes.
func measure(ctx context.Context, binary string, s sizes, say func(string)) (_ *report, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := newProduct(ctx, dir, binary)
	if err != nil {
		return nil, err
	}
	r := &report{}
	for _, part := range []struct {
		name    string
		measure func(context.Context, *product, sizes, *report) error
	}{
		{"steps and approvals, beside the peer", measureSteps},
		{"start, idle memory, size", measureFootprint},
		{fmt.Sprintf("%d alerts, idle and beside %d runs", s.alerts, s.beside), measureAlerts},
		{fmt.Sprintf("kill -9 with %d runs waiting", s.resting), measureResume},
		{fmt.Sprintf("%d runs waiting", s.waiting), measureWaiting},
	} {
		say(part.name + " …")
		if err := part.measure(ctx, p, s, r); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return r, nil
}
