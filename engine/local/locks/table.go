// Package locks decides who has which resource for itself.
package locks

import (
	"maps"
	"slices"
	"sync"
)

// Table holds who has which identity for itself. It lives in memory: on start
// it is rebuilt from the runs. Its methods do not block, and may be called from
// any goroutine.
//
// A run gets all that it asks for at once or waits. Whoever asked first is
// served first: a later wish is granted earlier only if it names nothing that
// an earlier one waits for. A run that has something and wants more tries it,
// and does not wait: so no two runs wait for each other.
type Table struct {
	granted func(run, id string) // called without mu

	mu    sync.Mutex
	held  map[string]string   // run by identity
	has   map[string][]string // identities by run
	given map[wishID][]string // granted, and not yet known to be taken
	queue []lockWait
}

// wishID names a command of a run that asks for locks.
type wishID struct{ run, id string }

type lockWait struct {
	wishID
	identities []string
}

// New returns an empty table. granted is told of each wish that is granted, by
// the goroutine that made it possible.
func New(granted func(run, id string)) *Table {
	return &Table{granted: granted, held: map[string]string{}, has: map[string][]string{}, given: map[wishID][]string{}}
}

// takeLocked gives an identity to a run.
func (t *Table) takeLocked(run, identity string) {
	if t.held[identity] != run {
		t.held[identity] = run
		t.has[run] = append(t.has[run], identity)
	}
}

// Restore notes what a run held before this owner.
func (t *Table) Restore(run string, identities []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, i := range identities {
		t.takeLocked(run, i)
	}
}

// Request asks for identities under the id of a command. The same wish twice
// is one.
func (t *Table) Request(run, id string, identities []string) {
	t.mu.Lock()
	if !slices.ContainsFunc(t.queue, func(w lockWait) bool { return w.wishID == wishID{run, id} }) {
		t.queue = append(t.queue, lockWait{wishID{run, id}, identities})
	}
	grants := t.grantLocked()
	t.mu.Unlock()
	t.tell(grants)
}

// Try gives a run identities at once, or none of them: it returns another run
// that has one, and is empty if the wish was granted. Those who wait in turn
// do not count: some may wait for what this run has.
func (t *Table) Try(run, id string, identities []string) (holder string) {
	t.mu.Lock()
	for _, i := range identities {
		if holder = t.held[i]; holder != "" && holder != run {
			t.mu.Unlock()
			return holder
		}
	}
	w := lockWait{wishID{run, id}, identities}
	t.giveLocked(w)
	t.mu.Unlock()
	t.tell([]wishID{w.wishID})
	return ""
}

func (t *Table) giveLocked(w lockWait) {
	for _, i := range w.identities {
		t.takeLocked(w.run, i)
	}
	t.given[w.wishID] = w.identities
}

// Holder is a run that keeps another from these identities: it has one of
// them, or has asked for one before. Empty: none does.
func (t *Table) Holder(run string, identities []string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, i := range identities {
		if holder := t.held[i]; holder != "" && holder != run {
			return holder
		}
	}
	for _, w := range t.queue {
		if w.run == run {
			break
		}
		if slices.ContainsFunc(w.identities, func(i string) bool { return slices.Contains(identities, i) }) {
			return w.run
		}
	}
	return ""
}

// Withdraw forgets a wish. What was granted goes back unless the run took it:
// holds reports whether it has an identity, by its records.
func (t *Table) Withdraw(run, id string, holds func(identity string) bool) {
	t.mu.Lock()
	w, granted := t.given[wishID{run, id}]
	delete(t.given, wishID{run, id})
	if back := slices.DeleteFunc(slices.Clone(w), holds); granted && len(back) > 0 {
		for _, i := range back {
			delete(t.held, i)
		}
		t.has[run] = slices.DeleteFunc(t.has[run], func(i string) bool { return slices.Contains(back, i) })
		if len(t.has[run]) == 0 {
			delete(t.has, run)
		}
	}
	t.queue = slices.DeleteFunc(t.queue, func(w lockWait) bool { return w.wishID == wishID{run, id} })
	grants := t.grantLocked()
	t.mu.Unlock()
	t.tell(grants)
}

// Release frees everything that a run holds or waits for.
func (t *Table) Release(run string) {
	t.mu.Lock()
	for _, i := range t.has[run] {
		delete(t.held, i)
	}
	delete(t.has, run)
	maps.DeleteFunc(t.given, func(id wishID, _ []string) bool { return id.run == run })
	t.queue = slices.DeleteFunc(t.queue, func(w lockWait) bool { return w.run == run })
	grants := t.grantLocked()
	t.mu.Unlock()
	t.tell(grants)
}

// grantLocked takes every wish that can be granted out of the queue.
func (t *Table) grantLocked() []wishID {
	var grants []wishID
	var rest []lockWait
	awaited := map[string]bool{} // by those before in the queue
	for _, w := range t.queue {
		free := func(i string) bool {
			holder, taken := t.held[i]
			return !awaited[i] && (!taken || holder == w.run)
		}
		if slices.ContainsFunc(w.identities, func(i string) bool { return !free(i) }) {
			for _, i := range w.identities {
				awaited[i] = true
			}
			rest = append(rest, w)
			continue
		}
		t.giveLocked(w)
		grants = append(grants, w.wishID)
	}
	t.queue = rest
	return grants
}

func (t *Table) tell(grants []wishID) {
	for _, w := range grants {
		t.granted(w.run, w.id)
	}
}

// Holders returns the run that has each identity.
func (t *Table) Holders() map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.held)
}

// Waiting returns the runs that wait, the first to be served first.
func (t *Table) Waiting() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	runs := make([]string, len(t.queue))
	for i, w := range t.queue {
		runs[i] = w.run
	}
	return runs
}
