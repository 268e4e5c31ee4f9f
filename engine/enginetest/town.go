package enginetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local/locks"
)

// town is some runs in one world, under one owner, with one clock and one
// table of locks, where everything goes wrong that may: crashes at every
// point, a full disk, lost, late and repeated answers, plugins that lie,
// people who may not or change their mind, others who change the same things.
// Then all is well for a while, and every run has to end.
type town struct {
	*choices
	world *World
	table *locks.Table
	judge *judge

	now    time.Time     // what the clock says; it may be behind after a crash
	passed time.Duration // what has really passed

	generation int
	seen       time.Time       // when the owner was last alive, by its clock
	gaps       []time.Duration // for how long there was none before each generation, from the second on
	full       bool            // nothing can be stored
	lossy      bool            // answers are often lost
	held       bool            // firebreak holds the service: a run has left something changed
	busybody   bool            // somebody changes whatever people are asked about
	lives      []*life
	follows    int             // how many of the lives follow another
	open       int             // how many of the lives have begun
	granted    map[string]bool // ids of wishes for locks
	busy       map[string]engine.LocksBusy
	arrive     []arrival

	history []moment
	reached map[reach]int
	crashes int
	err     error
}

// arrival is an effect of a lost call that is still on its way.
type arrival struct {
	at  time.Duration
	l   *life
	cmd engine.Command
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// plot is what is given before a town lives: its runbooks, and its script.
type plot struct {
	seed   uint64
	books  []string
	script [][]int // nil: by chance
}

// newPlot makes the plot of a seed.
func newPlot(seed uint64) plot {
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a life must be the same for the same seed
	n := 1
	switch rng.IntN(30) {
	case 0:
		n = 5 + rng.IntN(6)
	case 1, 2, 3, 4, 5, 6, 7, 8, 9:
		n = 2 + rng.IntN(3)
	}
	p := plot{seed: seed}
	for i := range n {
		if i > 0 && rng.IntN(6) == 0 {
			p.books = append(p.books, p.books[i-1]) // the same once more
			continue
		}
		p.books = append(p.books, generate(rng, n > 1))
	}
	return p
}

// liveBy lets a town live by its plot. What was wrong with it is in its err.
func liveBy(p plot) *town {
	t := &town{
		choices: &choices{rng: rand.New(rand.NewPCG(p.seed, 2)), script: p.script}, //nolint:gosec // as above
		world:   NewWorld(), now: epoch, seen: epoch, generation: 1,
		granted: map[string]bool{}, busy: map[string]engine.LocksBusy{}, reached: map[reach]int{}, judge: newJudge(),
	}
	t.newTable()
	for _, src := range p.books {
		if _, err := newLife(t, src); err != nil {
			t.failf("%w", err)
			return t
		}
	}
	t.turn()
	t.world.SetSick(t.once(2))
	for i := range 4 { // what steps read to name what they change
		t.world.Set(fmt.Sprintf("p%d", i), t.IntN(4))
	}
	t.busybody, t.lossy = t.once(12), t.once(5)
	t.begin()
	bad := pick(t.choices, 4, 10, 30, 100) // of a hundred turns: in calm towns runs come far
	turns := (40 + t.IntN(160)) * (1 + len(t.lives)) / 2
	if p.script != nil {
		turns = len(p.script) - 2
	}
	for n := 0; n < turns && t.err == nil; n++ {
		t.turn()
		if t.open < len(t.lives) && t.once(8) {
			t.begin()
		} else if t.follow() {
			continue
		} else if l := t.turnOf(); l != nil {
			t.do(l, bad)
		}
	}
	t.turn()
	t.cooperate()
	t.end()
	return t
}

func (t *town) failf(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf(format, args...)
	}
}

// tell adds a moment to the history and lets the judge see it.
func (t *town) tell(m moment) {
	m.at = t.now
	t.history = append(t.history, m)
	if err := t.judge.see(m); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *town) notef(format string, args ...any) {
	t.tell(moment{note: fmt.Sprintf(format, args...)})
}

// story is the end of the history in words.
func (t *town) story() string {
	var b strings.Builder
	for _, m := range t.history[max(0, len(t.history)-80):] {
		b.WriteString(m.String() + "\n")
	}
	return b.String()
}

// pass lets time pass.
func (t *town) pass(d time.Duration) {
	t.now = t.now.Add(d)
	t.passed += d
}

// begin starts the next run.
func (t *town) begin() {
	l := t.lives[t.open]
	t.open++
	l.start()
}

// followers is how many runs of a town may follow others.
const followers = 3

// follow begins a run that follows one which has ended: it undoes it, or tries
// it again. It reports whether there was one to follow.
func (t *town) follow() bool {
	var ended []*life
	for _, l := range t.lives[:t.open] {
		if l.run.Ended() && !l.followed {
			ended = append(ended, l)
		}
	}
	if len(ended) == 0 || t.open < len(t.lives) || t.follows == followers || !t.once(12) {
		return false
	}
	t.follows++
	done := pick(t.choices, ended...)
	facts, ok := done.again()
	if t.once(2) {
		facts, ok = done.undo()
	}
	if !ok {
		return false
	}
	l, err := newLife(t, done.src)
	if err != nil {
		t.failf("%w", err)
		return false
	}
	done.followed, l.facts = true, facts
	t.begin()
	return true
}

// named is the run with an id, or nil.
func (t *town) named(id string) *life {
	for _, l := range t.lives {
		if l.id == id {
			return l
		}
	}
	return nil
}

// turnOf chooses whose turn it is: seldom that of a run that has ended.
func (t *town) turnOf() *life {
	open := t.going()
	switch {
	case t.once(30):
		return pick(t.choices, t.lives[:t.open]...)
	case len(open) > 0:
		return pick(t.choices, open...)
	default:
		return nil
	}
}

// going are the runs that have begun and not ended.
func (t *town) going() []*life {
	return slices.DeleteFunc(slices.Clone(t.lives[:t.open]), func(l *life) bool { return l.run.Ended() })
}

// do is one turn: mostly what comes next, sometimes what should not.
func (t *town) do(l *life, bad int) {
	t.seen = t.now
	if t.busybody && t.once(4) && l.meddle() {
		return
	}
	if l.held && t.once(2) && l.missed() || l.hear() {
		return
	}
	if l.run.Doubtful() && len(l.zombies) > 0 && t.once(3) {
		l.haunt()
		return
	}
	if t.IntN(100) < 100-bad && t.step(l) {
		return
	}
	l.disturb()
}

// step does what comes next when all goes well. Patient people let time pass
// before they answer.
func (t *town) step(l *life) bool {
	if t.once(20) && t.next(true) {
		return true
	}
	if l.fly(!t.once(5) && !t.lossy) || l.answer(true) {
		return true
	}
	if len(l.run.OpenQuestions()) > 0 && t.once(4) {
		l.people()
		return true
	}
	return l.kindly() || t.next(true)
}

// cooperate lets all go well until every run has ended.
func (t *town) cooperate() {
	if t.once(2) {
		t.world.SetSick(false)
	}
	t.full = false
	t.notef("from now on all goes well")
	for n := 0; t.err == nil; n++ {
		open := t.going()
		switch {
		case len(open) == 0:
			t.notices()
			return
		case n > 3000*len(t.lives):
			t.failf("%w: %s", errEndless, t.stands(open))
		case slices.ContainsFunc(open, func(l *life) bool { return l.fly(true) || l.answer(true) || l.kindly() }), t.next(true):
		default:
			t.failf("nothing is open, and nobody is asked: %s", t.stands(open))
		}
	}
}

var errEndless = errors.New("the runs do not end although everything goes well")

func (t *town) stands(open []*life) string {
	var out []string
	for _, l := range open {
		out = append(out, fmt.Sprintf("%s is %s and waits on %v", l.id, l.run.Phase, l.run.Waits()))
	}
	return strings.Join(out, "; ")
}

func (t *town) notices() {
	for _, l := range t.lives[:t.open] {
		for sent := true; sent && t.err == nil; {
			sent = l.answer(true)
		}
		for _, in := range l.zombies {
			if t.once(2) {
				l.give(in, false) // long after the end
			}
		}
	}
}

// next goes to the next moment at which something happens by itself, and lets
// it happen if it is a timer. It reports whether there was one.
func (t *town) next(well bool) bool {
	var at time.Time
	var of *life
	timer := ""
	for _, l := range t.lives[:t.open] {
		due, id := l.due()
		if !due.IsZero() && (of == nil || due.Before(at)) {
			at, of, timer = due, l, id
		}
	}
	if of == nil {
		return false
	}
	if at.After(t.now) {
		t.pass(at.Sub(t.now))
	}
	if timer == "" {
		return true
	}
	delete(of.calls, timer)
	if f := of.flights[strings.TrimSuffix(timer, ".lost")]; f != nil {
		of.lose(f, t.once(2)) // the host has ended it by its deadline
	}
	of.give(engine.TimerFired{ID: timer}, !well)
	return true
}

// arrivals lets effects that were on their way take place.
func (t *town) arrivals() {
	t.arrive = slices.DeleteFunc(t.arrive, func(a arrival) bool {
		if a.at > t.passed {
			return false
		}
		o := t.world.Perform(a.cmd)
		t.tell(moment{run: a.l.id, happened: a.cmd, outcome: &o})
		return true
	})
}

func (t *town) newTable() {
	clear(t.granted)
	clear(t.busy)
	t.table = locks.New(func(_, id string) { t.granted[id] = true })
}

// crash loses everything but the journal, and lets a new generation take over.
func (t *town) crash(point string) {
	t.crashes++
	t.notef("crash: %s", point)
	for _, l := range t.lives[:t.open] {
		l.note(point)
		l.forget()
	}
	t.takeOver()
}

// takeOver is the start of a new owner: every run is told before anything
// begins. It may be cut short, too.
func (t *town) takeOver() {
	for {
		t.away()
		if t.full {
			t.full = t.once(2)
			t.notef("the disk is full, and the owner does not start: %t", t.full)
			continue
		}
		t.generation++
		t.gaps, t.seen = append(t.gaps, max(t.now.Sub(t.seen), 0)), t.now
		t.newTable()
		if t.recover() {
			break
		}
	}
	for _, l := range t.lives[:t.open] {
		switch {
		case l.run.Seq == 0:
			l.start()
		case l.missed():
		default:
			l.reconcile(false)
		}
	}
}

// away lets time pass without an owner. The clock of the next may be behind.
func (t *town) away() {
	d := time.Duration(t.IntN(100)) * time.Second
	if t.once(3) {
		d *= 60
	}
	t.pass(d)
	off := time.Duration(1+t.IntN(300)) * time.Second
	switch t.IntN(10) {
	case 8:
		t.now = t.now.Add(-off)
		t.notef("the clock is %s behind", off)
	case 9:
		t.now = t.now.Add(off)
		t.notef("the clock is %s ahead", off)
	}
}

// recover tells every run that it was taken over. It reports whether it came
// to its end.
func (t *town) recover() bool {
	for _, l := range t.lives[:t.open] {
		l.run = Replay(l.book, l.stored)
		if l.run.Seq == 0 || l.run.Ended() {
			continue
		}
		if t.once(12) {
			l.note("while taking over")
			t.notef("crash while the runs are taken over")
			return false
		}
		l.takenOver()
	}
	return true
}

// end looks at a town whose runs are over.
func (t *town) end() {
	if t.err != nil {
		return
	}
	for _, l := range t.lives[:t.open] {
		if d := Diff(Replay(l.book, l.stored), l.run); d != "" {
			t.failf("the replayed run %s differs (-replayed +live):\n%s", l.id, d)
		}
	}
	if held := t.table.Holders(); len(held) > 0 && t.err == nil {
		t.failf("every run has ended, and locks are held: %v", held)
	}
}
