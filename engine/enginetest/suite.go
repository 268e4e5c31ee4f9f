package enginetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// Runtime is what the suite asks of a runtime.
type Runtime interface {
	// Start begins a run of the runbook among pins whose digest is in the
	// facts, and returns its id.
	Start(ctx context.Context, f engine.Facts, pins ...[]byte) (id string, err error)
	// Give gives a run an input and returns when what follows is durable.
	Give(ctx context.Context, run string, in engine.Input) error
	// Watch returns a run's records from a number on, as they are stored. The
	// channel is closed some time after the run has ended.
	Watch(ctx context.Context, run string, from int) (<-chan engine.Record, error)
}

// Do carries out a command of a runtime, as [World.Do] does. nil: no answer
// ever comes, and a runtime's executor has to wait for the end of ctx.
type Do func(cmd engine.Command) engine.Input

// RunSuite runs what every runtime must pass. fresh returns a runtime on an
// empty state that reads runbooks with [Catalog] and carries commands out with
// do; it ends it by t.Cleanup. Nothing in the suite takes longer than a few
// hundred milliseconds on a runtime that pushes.
func RunSuite(t *testing.T, fresh func(t *testing.T, do Do) Runtime) {
	for _, s := range suite {
		t.Run(s.name, func(t *testing.T) {
			w := NewWorld()
			s.run(&driven{t: t, world: w, rt: fresh(t, w.Do)})
		})
	}
}

// driven is one run under a runtime.
type driven struct {
	t     *testing.T
	world *World
	rt    Runtime
	id    string
	run   engine.Run
	recs  <-chan engine.Record
}

const patience = 10 * time.Second

func (d *driven) start(src string) *driven {
	d.t.Helper()
	book, full, problems := Book(src)
	if len(problems) > 0 {
		d.t.Fatal(problems[0])
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.t.Cleanup(cancel)
	f := Facts(book)
	f.ID = ""
	id, err := d.rt.Start(ctx, f, full)
	if err != nil {
		d.t.Fatal(err)
	}
	recs, err := d.rt.Watch(ctx, id, 1)
	if err != nil {
		d.t.Fatal(err)
	}
	d.id, d.run, d.recs = id, engine.New(book), recs
	return d
}

// until follows the run until something holds.
func (d *driven) until(what string, holds func(engine.Run) bool) {
	d.t.Helper()
	timeout := time.After(patience)
	for !holds(d.run) {
		select {
		case rec, ok := <-d.recs:
			if !ok {
				d.t.Fatalf("the records of %s ended before %s: %s %s", d.id, what, d.run.Phase, d.run.Word)
			}
			if rec.Seq != d.run.Seq+1 {
				d.t.Fatalf("record %d follows %d", rec.Seq, d.run.Seq)
			}
			d.run = engine.Apply(d.run, rec)
		case <-timeout:
			d.t.Fatalf("%s did not come; the run is %s %s", what, d.run.Phase, d.run.Word)
		}
	}
}

func (d *driven) asked(kind engine.QuestionKind) engine.Question {
	d.t.Helper()
	var q engine.Question
	d.until("a question of kind "+string(kind), func(r engine.Run) bool {
		i := slices.IndexFunc(r.OpenQuestions(), func(q engine.Question) bool { return q.Kind == kind })
		if i >= 0 {
			q = r.OpenQuestions()[i]
		}
		return i >= 0
	})
	return q
}

func (d *driven) give(in engine.Input) *driven {
	d.t.Helper()
	if err := d.rt.Give(context.Background(), d.id, in); err != nil {
		d.t.Fatalf("%T: %v", in, err)
	}
	return d
}

func (d *driven) approve() *driven {
	d.t.Helper()
	q := d.asked(engine.AskGate)
	d.give(engine.Vote{By: "alice", Question: q.ID, Digest: q.Digest, Approve: true})
	d.until("the record of a yes", func(r engine.Run) bool { return r.Questions[q.ID] == nil })
	return d
}

func (d *driven) ended(word engine.Word) *driven {
	d.t.Helper()
	d.until("the end", func(r engine.Run) bool { return r.Ended() })
	if d.run.Word != word {
		d.t.Fatalf("the run ended %s, wanted %s (%+v)", d.run.Word, word, d.run.Cause)
	}
	return d
}

func (d *driven) holds(key string, want int) *driven {
	d.t.Helper()
	if got := d.world.Get(key); got != want {
		d.t.Fatalf("%s is %d, wanted %d", key, got, want)
	}
	return d
}

// calls fails the test unless the world was asked for this many mutations,
// and for none twice under one id.
func (d *driven) calls(want int) {
	d.t.Helper()
	ids := map[string]bool{}
	for _, c := range d.world.Calls() {
		if ids[c.ID] {
			d.t.Fatalf("%s was begun twice", c.ID)
		}
		ids[c.ID] = true
	}
	if len(ids) != want {
		d.t.Fatalf("%d mutations were begun, wanted %d", len(ids), want)
	}
}

const (
	suiteGate = "    approve: {of: [{role: ops, for: 5m}]}\n    verify: {none: a test, owner: t, last_day: \"2026-12-31\"}\n"
	suiteBump = "    uses: world.bump\n    undo: {uses: world.unbump}\n"
	suiteTwo  = "steps:\n  - id: a\n    with: {key: a}\n" + suiteBump + suiteGate + "  - id: b\n    with: {key: b}\n" + suiteBump + suiteGate
	suiteOne  = "steps:\n  - id: t\n    uses: tool.set\n    with: {key: t0, value: 7}\n    resource: kv:t0\n    undo: {uses: tool.set}\n" + suiteGate
	suiteLate = "steps:\n  - id: a\n    with: {key: a}\n" + suiteBump + suiteGate + "  - {id: r, uses: world.read, with: {key: p}}\n" +
		"  - id: t\n    uses: tool.set\n    with: {key: t0, value: 8}\n    resource: \"kv:t${{ steps.r.outputs.value }}\"\n    undo: {uses: tool.set}\n" + suiteGate
	suitePair = "steps:\n  - id: g\n    steps:\n      - {id: a, uses: world.bump, with: {key: a}, undo: {uses: world.unbump}}\n" +
		"      - {id: b, uses: world.bump, with: {key: b}, undo: {uses: world.unbump}}\n" + suiteGate
)

var suite = []struct {
	name string
	run  func(d *driven)
}{
	{"a run is asked, approved and done", func(d *driven) {
		d.start(suiteTwo).approve().approve().ended(engine.Succeeded).holds("a", 1).holds("b", 1).calls(2)
	}},
	{"a run whose gate is denied changes nothing", func(d *driven) {
		d.start(suiteTwo)
		d.give(engine.Vote{By: "alice", Question: d.asked(engine.AskGate).ID}).ended(engine.Refused).calls(0)
	}},
	{"what was changed is put back, the latest first", func(d *driven) {
		d.world.On("g/b#1/act", Partial())
		d.start(suitePair).approve().ended(engine.FailedClean).holds("a", 0).holds("b", 0).calls(4)
		if c := d.world.Calls(); c[2].Key != "b" || c[3].Key != "a" {
			d.t.Fatalf("undone in the order %v", c)
		}
	}},
	{"what was lost is in doubt until a person has looked", func(d *driven) {
		d.world.On("a#1/act", Lost(true))
		d.start(suiteTwo).approve()
		d.give(engine.Answer{By: "alice", Question: d.asked(engine.AskDoubt).ID, Choice: engine.ChoiceHappened})
		d.approve().ended(engine.Succeeded).holds("a", 1).holds("b", 1).calls(2)
	}},
	{"what a person may not do is refused, recorded and harmless", func(d *driven) {
		q := d.start(suiteTwo).asked(engine.AskGate)
		var refusal *engine.Refusal
		if err := d.rt.Give(context.Background(), d.id, engine.Vote{By: "mallory", Question: q.ID, Digest: q.Digest, Approve: true}); !errors.As(err, &refusal) {
			d.t.Fatalf("%v, wanted a refusal", err)
		}
		if err := d.rt.Give(context.Background(), d.id, engine.TimerFired{ID: "nothing"}); !errors.Is(err, engine.ErrStale) {
			d.t.Fatalf("%v, wanted stale", err)
		}
		d.give(engine.Cancel{By: "dora"}).ended(engine.CancelledClean).calls(0)
	}},
	{"a second run waits for the lock", func(d *driven) {
		second := &driven{t: d.t, world: d.world, rt: d.rt}
		d.start(suiteTwo).asked(engine.AskGate)
		second.start(suiteTwo).until("a wish for the lock", func(r engine.Run) bool { return r.Locks.State == engine.LocksRequested })
		d.give(engine.Cancel{By: "dora"}).ended(engine.CancelledClean)
		second.approve().approve().ended(engine.Succeeded).calls(2)
	}},
	{"a lock that is learnt late is tried, and not waited for", func(d *driven) {
		other := &driven{t: d.t, world: d.world, rt: d.rt}
		other.start(suiteOne).asked(engine.AskGate)
		d.start(suiteLate).approve().ended(engine.FailedClean).holds("a", 1).holds("t0", 0).calls(1)
		if c := d.run.Cause; c.Class != "conflict" || !strings.Contains(c.Reason, other.id) {
			d.t.Fatalf("it ended because of %+v", c)
		}
		other.approve().ended(engine.Succeeded).holds("t0", 7)
		third := &driven{t: d.t, world: d.world, rt: d.rt}
		third.start(suiteLate).approve().approve().ended(engine.Succeeded).holds("a", 2).holds("t0", 8)
	}},
	{"a pause takes its time and a retry comes", func(d *driven) {
		d.world.On("r#1/act", None("unavailable"))
		d.start("steps:\n  - wait: 50ms\n  - {id: r, uses: world.read, with: {key: a}, retry: {attempts: 2, backoff: 50ms}}\n").
			ended(engine.NoAction)
	}},
}
