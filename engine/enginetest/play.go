package enginetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Play drives one run against a world, one input at a time, with a clock of
// its own. After every input it checks that the stored records replay to the
// run as it is.
type Play struct {
	T       testing.TB
	World   *World
	Book    *runbook.Runbook
	Src     string // of the runbook, as it was given
	Run     engine.Run
	Journal []engine.Record
	Now     time.Time
	Locked  bool // somebody else has the locks
	Err     error

	open map[string]bool
	cmds map[string]engine.Command
}

// NewPlay returns a play of a runbook, before its start.
func NewPlay(t testing.TB, src string) *Play {
	t.Helper()
	book, _, problems := Book(src)
	for _, p := range problems {
		t.Fatal(p)
	}
	return &Play{
		T: t, World: NewWorld(), Book: book, Src: src, Run: engine.New(book),
		Now:  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		open: map[string]bool{}, cmds: map[string]engine.Command{},
	}
}

// On makes the call with an id (without the run) end badly.
func (p *Play) On(id string, f Fault) *Play {
	p.World.On(id, f)
	return p
}

// Start begins the run and settles.
func (p *Play) Start(change ...func(*engine.Facts)) *Play {
	p.T.Helper()
	f := Facts(p.Book)
	for _, c := range change {
		c(&f)
	}
	return p.Give(engine.Start{Facts: f}).Settle()
}

// Give gives the run one input, stores what follows, and opens and closes
// commands. The error stays in Err.
func (p *Play) Give(in engine.Input) *Play {
	p.T.Helper()
	before := p.Run
	var recs []engine.Record
	p.Run, recs, p.Err = engine.Advance(before, in, p.Now)
	if errors.Is(p.Err, engine.ErrStale) && len(recs) > 0 {
		p.T.Fatalf("stale input %T left records", in)
	}
	if d := Diff(Replay(p.Book, p.Journal), before); d != "" {
		p.T.Fatalf("%T changed the run of before it (-replayed +before):\n%s", in, d)
	}
	for _, rec := range recs {
		p.Journal = append(p.Journal, stored(p.T, rec))
	}
	if d := Diff(Replay(p.Book, p.Journal), p.Run); d != "" {
		p.T.Fatalf("after %T the replayed run differs from the live one (-replayed +live):\n%s", in, d)
	}
	p.reconcile()
	return p
}

func (p *Play) reconcile() {
	want := engine.Pending(p.Run)
	start, stop := engine.Reconcile(p.open, want)
	for _, id := range stop {
		delete(p.open, id)
		delete(p.cmds, id)
	}
	for _, c := range start {
		if p.open[c.CommandID()] {
			p.T.Fatalf("two commands have the id %s", c.CommandID())
		}
		p.open[c.CommandID()] = true
		p.cmds[c.CommandID()] = c
	}
}

// stored is a record as it comes back from the journal.
func stored(t testing.TB, rec engine.Record) engine.Record {
	t.Helper()
	kind, data, err := engine.MarshalEvent(rec.Event)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.UnmarshalEvent(kind, data)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Record{Seq: rec.Seq, At: rec.At, Event: e}
}

// Replay folds a run from its records.
func Replay(book *runbook.Runbook, records []engine.Record) engine.Run {
	r := engine.New(book)
	for _, rec := range records {
		r = engine.Apply(r, rec)
	}
	return r
}

// Diff compares two runs and what should be open for them.
func Diff(a, b engine.Run) string {
	wantsA, wantsB := engine.Pending(a), engine.Pending(b)
	if same(reflect.ValueOf(a), reflect.ValueOf(b)) && same(reflect.ValueOf(wantsA), reflect.ValueOf(wantsB)) {
		return ""
	}
	opts := cmp.Options{
		cmp.Exporter(func(t reflect.Type) bool { return strings.HasSuffix(t.PkgPath(), "/engine") }),
		cmpopts.EquateEmpty(),
		cmp.Comparer(sameBook),
		cmp.FilterPath(func(p cmp.Path) bool {
			f, ok := p.Last().(cmp.StructField)
			return ok && ignored(f.Name())
		}, cmp.Ignore()),
		cmp.Comparer(func(x, y *expr.Program) bool { return x == y }),
	}
	if d := cmp.Diff(a, b, opts); d != "" {
		return d
	}
	return cmp.Diff(wantsA, wantsB, opts)
}

// sameBook reports whether two runbooks are one, with the same items in every
// foreach.
func sameBook(x, y *runbook.Runbook) bool {
	return x == y || x.Digest == y.Digest && slices.EqualFunc(x.All(), y.All(), func(a, b *runbook.Step) bool {
		return a.Path == b.Path && bytes.Equal(a.Frame.Item, b.Frame.Item)
	})
}

// Settle answers every call that can be answered now, until none is left.
func (p *Play) Settle() *Play {
	p.T.Helper()
	for i := 0; ; i++ {
		if i > 10_000 {
			p.T.Fatalf("the run never settles: %s", p.Kinds(len(p.Journal)-20))
		}
		in := p.next()
		if in == nil {
			return p
		}
		p.Give(in)
		if p.Err != nil {
			p.T.Fatalf("an awaited answer %+v was refused: %v", in, p.Err)
		}
	}
}

// SettleUntil answers calls until a step does something.
func (p *Play) SettleUntil(doing engine.Doing, path string) *Play {
	p.T.Helper()
	for p.Run.Step(path).Doing != doing {
		in := p.next()
		if in == nil {
			p.T.Fatalf("%s never comes to %s: %s", path, doing, p.Kinds(0))
		}
		p.Give(in)
	}
	return p
}

// next is the answer to the first open call that has one now.
func (p *Play) next() engine.Input {
	for _, want := range engine.Pending(p.Run) {
		id := want.CommandID()
		cmd, ok := p.cmds[id]
		if !ok {
			continue // it was begun, and no answer comes
		}
		switch c := cmd.(type) {
		case engine.Timer, engine.Ask:
			continue
		case engine.StopCall:
			delete(p.cmds, id)
			continue
		case engine.Lock:
			switch {
			case p.Locked && c.Try:
				delete(p.cmds, id)
				return engine.LocksBusy{ID: id, Holder: "r9"}
			case p.Locked:
				continue
			}
			return engine.LocksGranted{ID: id}
		case engine.Read:
			if c.NotBefore.After(p.Now) {
				continue
			}
		default:
		}
		delete(p.cmds, id)
		if in := p.World.Do(cmd); in != nil {
			return in
		}
	}
	return nil
}

// Sleep lets time pass: timers fire, samples are taken, calls are answered.
func (p *Play) Sleep(d time.Duration) *Play {
	p.T.Helper()
	end := p.Now.Add(d)
	for p.Settle(); ; p.Settle() {
		at, timer := p.due(end)
		if at.IsZero() {
			p.Now = end
			return p.Settle()
		}
		if at.After(p.Now) {
			p.Now = at
		}
		if timer != "" {
			delete(p.cmds, timer)
			p.Give(engine.TimerFired{ID: timer})
		}
	}
}

// due is the first time until end at which something happens by itself, and
// the timer that does it, if it is one.
func (p *Play) due(end time.Time) (at time.Time, timer string) {
	for _, c := range engine.Pending(p.Run) {
		if _, waits := p.cmds[c.CommandID()]; !waits {
			continue
		}
		var t time.Time
		id := ""
		switch c := c.(type) {
		case engine.Timer:
			t, id = c.At, c.ID
		case engine.Read:
			t = c.NotBefore
		default:
			continue
		}
		if !t.After(end) && (at.IsZero() || t.Before(at)) {
			at, timer = t, id
		}
	}
	return at, timer
}

// Crash loses all that is in flight, and lets a new generation take over
// after a time.
func (p *Play) Crash(down time.Duration, change ...func(*engine.Recovered)) *Play {
	p.T.Helper()
	p.open, p.cmds = map[string]bool{}, map[string]engine.Command{}
	p.Now = p.Now.Add(down)
	in := engine.Recovered{Generation: p.Run.Generation + 1, Down: down}
	for _, c := range change {
		c(&in)
	}
	return p.Give(in)
}

// Question returns the only open question of a kind.
func (p *Play) Question(kind engine.QuestionKind) engine.Question {
	p.T.Helper()
	var found []engine.Question
	for _, q := range p.Run.OpenQuestions() {
		if q.Kind == kind {
			found = append(found, q)
		}
	}
	if len(found) != 1 {
		p.T.Fatalf("%d questions of kind %s are open, wanted one; %s", len(found), kind, p.Kinds(0))
	}
	return found[0]
}

// Approve answers the only open gate with yes, for the digest that it shows.
func (p *Play) Approve(by string) *Play {
	p.T.Helper()
	q := p.Question(engine.AskGate)
	p.Give(engine.Vote{By: by, Question: q.ID, Digest: q.Digest, Approve: true})
	if p.Err != nil {
		p.T.Fatalf("approve by %s: %v", by, p.Err)
	}
	return p.Settle()
}

// Deny answers the only open gate with no.
func (p *Play) Deny(by string, keep bool) *Play {
	p.T.Helper()
	q := p.Question(engine.AskGate)
	p.Give(engine.Vote{By: by, Question: q.ID, Keep: keep})
	if p.Err != nil {
		p.T.Fatalf("deny by %s: %v", by, p.Err)
	}
	return p.Settle()
}

// Answer answers the only open question of a kind.
func (p *Play) Answer(kind engine.QuestionKind, choice, by string) *Play {
	p.T.Helper()
	p.Give(engine.Answer{By: by, Question: p.Question(kind).ID, Choice: choice})
	if p.Err != nil {
		p.T.Fatalf("%s by %s: %v", choice, by, p.Err)
	}
	return p.Settle()
}

// Say gives what a person says, which must not be refused, and settles.
func (p *Play) Say(in engine.Person) *Play {
	p.T.Helper()
	p.Give(in)
	if p.Err != nil {
		p.T.Fatalf("%T: %v", in, p.Err)
	}
	return p.Settle()
}

// Refused gives what a person says, which must be refused and recorded.
func (p *Play) Refused(in engine.Person, reason string) *Play {
	p.T.Helper()
	n := len(p.Journal)
	p.Give(in)
	var refusal *engine.Refusal
	if !errors.As(p.Err, &refusal) || !strings.Contains(refusal.Reason, reason) {
		p.T.Fatalf("%T: %v, wanted a refusal with %q", in, p.Err, reason)
	}
	if got := p.Kinds(n); got != "refused" {
		p.T.Fatalf("a refusal left %s", got)
	}
	return p
}

// Kinds are the kinds of the events from a place in the journal on.
func (p *Play) Kinds(from int) string {
	var kinds []string
	for _, rec := range p.Journal[max(from, 0):] {
		kinds = append(kinds, rec.Event.Kind())
	}
	return strings.Join(kinds, " ")
}

// Saw fails the test unless events of these kinds were recorded in this
// order, with any others between them.
func (p *Play) Saw(kinds string) *Play {
	p.T.Helper()
	rest := strings.Fields(p.Kinds(0))
	for kind := range strings.FieldsSeq(kinds) {
		i := slices.Index(rest, kind)
		if i < 0 {
			p.T.Fatalf("no %s (of %q) in: %s", kind, kinds, p.Kinds(0))
		}
		rest = rest[i+1:]
	}
	return p
}

// Never fails the test if an event of one of these kinds was recorded.
func (p *Play) Never(kinds string) *Play {
	p.T.Helper()
	all := strings.Fields(p.Kinds(0))
	for kind := range strings.FieldsSeq(kinds) {
		if slices.Contains(all, kind) {
			p.T.Fatalf("there is %s in: %s", kind, p.Kinds(0))
		}
	}
	return p
}

// Ended fails the test unless the run has ended with a word.
func (p *Play) Ended(word engine.Word) *Play {
	p.T.Helper()
	if p.Run.Word != word {
		p.T.Fatalf("the run is %s %q (%+v), wanted %s; waits %v; %s", p.Run.Phase, p.Run.Word, p.Run.Cause, word, p.Waits(), p.Kinds(0))
	}
	return p
}

// Waits are the kinds of what the run waits for.
func (p *Play) Waits() []string {
	var on []string
	for _, w := range p.Run.Waits() {
		on = append(on, w.On)
	}
	return on
}

// WaitsOn fails the test unless the run waits for exactly these things.
func (p *Play) WaitsOn(on ...string) *Play {
	p.T.Helper()
	if got := p.Waits(); !slices.Equal(got, on) {
		p.T.Fatalf("the run waits on %v, wanted %v; %s", got, on, p.Kinds(0))
	}
	return p
}

// Called fails the test unless the world was asked for exactly these
// mutations, in this order: ids without the run.
func (p *Play) Called(ids ...string) *Play {
	p.T.Helper()
	var got []string
	for _, c := range p.World.Calls() {
		got = append(got, short(c.ID))
	}
	if !slices.Equal(got, ids) {
		p.T.Fatalf("the world was asked for %v, wanted %v", got, ids)
	}
	return p
}

// Status fails the test unless a step has a status.
func (p *Play) Status(path string, want engine.Status) *Play {
	p.T.Helper()
	if got := p.Run.StatusOf(path); got != want {
		p.T.Fatalf("%s is %s, wanted %s; %s", path, got, want, p.Kinds(0))
	}
	return p
}

// Holds fails the test unless the world has a value.
func (p *Play) Holds(key string, want int) *Play {
	p.T.Helper()
	if got := p.World.Get(key); got != want {
		p.T.Fatalf("%s is %d, wanted %d", key, got, want)
	}
	return p
}

// Do runs something in the middle of a play.
func (p *Play) Do(f func(*Play)) *Play {
	f(p)
	return p
}

func (p *Play) String() string {
	var b strings.Builder
	for _, rec := range p.Journal {
		_, data, _ := engine.MarshalEvent(rec.Event)
		fmt.Fprintf(&b, "%4d %s %-18s %s\n", rec.Seq, rec.At.Format("15:04:05.000"), rec.Event.Kind(), data)
	}
	return b.String()
}
