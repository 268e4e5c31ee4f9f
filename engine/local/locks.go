package local

import (
	"maps"
	"slices"
	"sync"
)

// locks is the table of who has which identity for itself. It lives in
// memory: on start it is rebuilt from the runs.
//
// A run gets all that it asks for at once or waits. Whoever asked first is
// served first: a later wish is granted earlier only if it names nothing that
// an earlier one waits for.
type locks struct {
	granted func(run, id string) // called without mu

	mu    sync.Mutex
	held  map[string]string   // run by identity
	given map[wishID][]string // granted, and not yet known to be taken
	queue []lockWait
}

// wishID names a command of a run that asks for locks.
type wishID struct{ run, id string }

type lockWait struct {
	wishID
	identities []string
}

func newLocks(granted func(run, id string)) *locks {
	return &locks{granted: granted, held: map[string]string{}, given: map[wishID][]string{}}
}

// restore notes what a run held before this owner.
func (t *locks) restore(run string, identities []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, i := range identities {
		t.held[i] = run
	}
}

// request asks for identities under the id of a command. The same wish twice
// is one.
func (t *locks) request(run, id string, identities []string) {
	t.mu.Lock()
	if !slices.ContainsFunc(t.queue, func(w lockWait) bool { return w.wishID == wishID{run, id} }) {
		t.queue = append(t.queue, lockWait{wishID{run, id}, identities})
	}
	grants := t.grantLocked()
	t.mu.Unlock()
	t.tell(grants)
}

// withdraw forgets a wish. What was granted goes back unless the run took it.
func (t *locks) withdraw(run, id string, taken bool) {
	t.mu.Lock()
	w, granted := t.given[wishID{run, id}]
	delete(t.given, wishID{run, id})
	if granted && !taken {
		for _, i := range w {
			delete(t.held, i)
		}
	}
	t.queue = slices.DeleteFunc(t.queue, func(w lockWait) bool { return w.wishID == wishID{run, id} })
	grants := t.grantLocked()
	t.mu.Unlock()
	t.tell(grants)
}

// release frees everything that a run holds or waits for.
func (t *locks) release(run string) {
	t.mu.Lock()
	maps.DeleteFunc(t.held, func(_, holder string) bool { return holder == run })
	maps.DeleteFunc(t.given, func(id wishID, _ []string) bool { return id.run == run })
	t.queue = slices.DeleteFunc(t.queue, func(w lockWait) bool { return w.run == run })
	grants := t.grantLocked()
	t.mu.Unlock()
	t.tell(grants)
}

// grantLocked takes every wish that can be granted out of the queue.
func (t *locks) grantLocked() []wishID {
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
		for _, i := range w.identities {
			t.held[i] = w.run
		}
		t.given[w.wishID] = w.identities
		grants = append(grants, w.wishID)
	}
	t.queue = rest
	return grants
}

func (t *locks) tell(grants []wishID) {
	for _, w := range grants {
		t.granted(w.run, w.id)
	}
}
