package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
)

// allowed bars a run from changes that begins its first where so many others
// have. It asks the journal, as a rule does.
func allowed(journal Journal, runs int) func(ctx context.Context, f engine.Facts, changes int) (*engine.Bar, error) {
	return func(ctx context.Context, f engine.Facts, changes int) (*engine.Bar, error) {
		if changes == 0 {
			return nil, nil
		}
		heads, err := journal.Heads(ctx, Filter{})
		begun := 0
		for _, h := range heads {
			if h.ID != f.ID && !h.ChangedAt.IsZero() {
				begun++
			}
		}
		if begun < runs {
			return nil, err
		}
		return &engine.Bar{Class: "budget", Reason: fmt.Sprintf("%d have changed something", begun)}, err
	}
}

// Runs that began together, and are approved at once, make no more changes
// than the rule allows, in whatever order they come to them.
func TestABarHoldsWhoeverComesFirst(t *testing.T) {
	const all, may = 8, 3
	mem, h := newMemory(), newHands(t)
	w := begin(t, mem, h, func(c *Config) { c.Bar = allowed(c.Journal, may) })
	free := func(f *engine.Facts) { f.Resources = nil }
	var ids []string
	for i := range all {
		ids = append(ids, w.start(fix, fmt.Sprint("run", i), free))
	}
	for _, id := range ids {
		w.until(id, func(r engine.Run) bool { return len(r.OpenQuestions()) == 1 })
	}
	var group sync.WaitGroup
	for _, id := range ids {
		group.Go(func() { w.approve(id) })
	}
	group.Wait()
	words := map[engine.Word]int{}
	for _, id := range ids {
		r := w.until(id, func(r engine.Run) bool { return r.Ended() })
		words[r.Word]++
		if r.Word == engine.Refused && (r.WouldHave == nil || r.Cause.Reason != "3 have changed something") {
			t.Errorf("%s would have done %+v, and is refused because of %+v", id, r.WouldHave, r.Cause)
		}
	}
	if words[engine.Succeeded] != may || words[engine.Refused] != all-may {
		t.Errorf("they end %v", words)
	}

	person := w.start(fix, "person", free, func(f *engine.Facts) { f.Requester = engine.Requester{Kind: "person", Name: "bob"} })
	w.until(person, func(r engine.Run) bool { return len(r.OpenQuestions()) == 1 })
	w.approve(person)
	if r := w.until(person, func(r engine.Run) bool { return r.Ended() }); r.Word != engine.Succeeded {
		t.Errorf("what a person has started ends %s", r.Word)
	}
}

// A rule that cannot be looked at lets nothing begin.
func TestABarThatCannotBeReadStopsTheOwner(t *testing.T) {
	broken := errors.New("the list is gone")
	mem, h := newMemory(), newHands(t)
	w := begin(t, mem, h, func(c *Config) {
		c.Bar = func(_ context.Context, _ engine.Facts, changes int) (*engine.Bar, error) {
			if changes > 0 {
				return nil, broken
			}
			return nil, nil
		}
	})
	id := w.start(fix, "run")
	w.until(id, func(r engine.Run) bool { return len(r.OpenQuestions()) == 1 })
	w.approve(id)
	<-w.Done()
	if err := w.Err(); !errors.Is(err, broken) {
		t.Errorf("it ends with %v", err)
	}
	for _, called := range h.ids() {
		if called == id+"/apply#1/act" {
			t.Error("the change was made")
		}
	}
}
