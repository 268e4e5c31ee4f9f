package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// stepsPerRound is how many steps, commits and calls one round measures of
// each, in turn, so that the noise of the machine meets all alike.
const stepsPerRound = 50

// BenchmarkStep measures one durable step (recorded, carried out by a plugin
// process, recorded) beside its parts: one commit, and one bare call of the
// same action. The goal is a ratio of at most 1 to 2 commits and 1 call, times
// two.
func BenchmarkStep(b *testing.B) {
	p := newBenchProduct(b)
	book := "firebreak: v1\nname: bench\ntitle: Reads one after the other\nowner: bench\nsteps:\n" +
		strings.Repeat("  - uses: diagnose.connections\n    with: {pool: null, database: null, changes: null}\n", stepsPerRound)
	var steps, commits, calls []time.Duration
	p.commit(b) // warm
	p.call(b)
	for b.Loop() {
		p.run(b, book)
		for i := range p.began[1:] {
			steps = append(steps, p.began[i+1].Sub(p.began[i]))
		}
		for range stepsPerRound {
			commits = append(commits, p.commit(b))
			calls = append(calls, p.call(b))
		}
	}
	report(b, "step", steps)
	report(b, "commit", commits)
	report(b, "call", calls)
	budget := 2*median(commits) + median(calls)
	b.ReportMetric(float64(median(steps))/float64(budget), "step/(2commits+call)")
}

func report(b *testing.B, what string, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), what+"-p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), what+"-p99-µs")
}

func median(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)/2]
}

// benchProduct is the product as `run` assembles it: journal on disk, plugin
// host with real processes, runtime.
type benchProduct struct {
	ws    *workspace
	host  *host.Host
	store *sqlite.Store
	rt    *local.Runtime
	side  *sqlite.Store // for bare commits
	seq   int
	timed timed
	began []time.Time // when the calls of the run in hand began
}

func newBenchProduct(b *testing.B) *benchProduct {
	b.Helper()
	a := &app{env: func(string) string { return "" }, err: b.Output(), out: b.Output()}
	ws, err := makeWorkspace(b.Context(), a, "bench.yaml", []byte("people:\n  ann: {os_user: ann}\nroles:\n  all: {people: [ann]}\n"))
	if err != nil {
		b.Fatal(err)
	}
	p := &benchProduct{ws: ws, timed: timed{began: make(chan time.Time, stepsPerRound)}}
	if p.host, err = ws.newHost(slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.host.Stop(context.Background()) })
	if p.store, err = sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "state.db")); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.store.Close() })
	if p.side, err = sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "side.db")); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.side.Close() })
	if _, err := p.side.Own(b.Context(), true); err != nil {
		b.Fatal(err)
	}
	p.timed.Executor = &executor{host: p.host, config: ws.config, notify: func(context.Context, local.RunInfo, engine.Notify) error { return nil }}
	p.rt, err = local.Open(b.Context(), local.Config{
		Journal: p.store, State: p.store, Book: ws.book, Executor: p.timed,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.rt.Close(context.Background()) })
	return p
}

// timed notes when a step's action begins.
type timed struct {
	local.Executor
	began chan time.Time
}

func (t timed) Do(ctx context.Context, run local.RunInfo, cmd engine.Command) engine.Input {
	if _, ok := cmd.(engine.Read); ok {
		t.began <- time.Now()
	}
	return t.Executor.Do(ctx, run, cmd)
}

// run starts a run and follows it to its end.
func (p *benchProduct) run(b *testing.B, src string) {
	b.Helper()
	book, err := p.ws.book([]byte(src))
	if err != nil {
		b.Fatal(err)
	}
	facts, err := p.ws.facts(b.Context(), p.host, request{runbook: book, requester: engine.Requester{Kind: "drill", Name: "bench"}})
	if err != nil {
		b.Fatal(err)
	}
	id, err := p.rt.Start(b.Context(), facts, []byte(src), p.ws.configBytes)
	if err != nil {
		b.Fatal(err)
	}
	records, err := p.rt.Watch(b.Context(), id, 1)
	if err != nil {
		b.Fatal(err)
	}
	for rec := range records {
		if e, ok := rec.Event.(engine.RunEnded); ok && wordCode(e.Word) != exitOK {
			b.Fatalf("the run ended %s: %v", e.Word, e.Changed)
		}
	}
	p.began = drain(p.timed.began)
}

func drain(c chan time.Time) (out []time.Time) {
	for len(c) > 0 {
		out = append(out, <-c)
	}
	return out
}

// commit stores one record durably in a state of its own.
func (p *benchProduct) commit(b *testing.B) time.Duration {
	b.Helper()
	p.seq++
	outcome := engine.Outcome{Outputs: json.RawMessage(`{"text":"` + strings.Repeat("x", 300) + `"}`)}
	rec := engine.Record{Seq: p.seq, At: time.Now(), Event: engine.Acted{Path: "1", Attempt: 1, Outcome: outcome}}
	at := time.Now()
	err := p.side.Append(b.Context(), local.Batch{
		Run: "side", After: p.seq - 1, Records: []engine.Record{rec}, Head: engine.Head{ID: "side", StartedAt: at, Seq: p.seq},
	})
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(at)
}

// call calls the plugin and records nothing.
func (p *benchProduct) call(b *testing.B) time.Duration {
	b.Helper()
	at := time.Now()
	o := p.host.Run(b.Context(), host.Call{ID: fmt.Sprint("bare/", p.seq, at.UnixNano()), Action: "diagnose.connections", Input: []byte(`{"pool":null,"database":null,"changes":null}`)}, nil)
	if o.Failure != nil {
		b.Fatal(o.Failure)
	}
	return time.Since(at)
}
