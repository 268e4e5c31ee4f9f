package slack

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// taken are the runs of the errands that a lane sends now, in that order.
func taken(l *lane, most int) (runs []string) {
	for range most {
		w, _ := l.take()
		if w == nil {
			break
		}
		runs = append(runs, w.run)
	}
	return runs
}

// TestLane holds that a question that nobody sees yet goes before everything
// else, however much waits and for how long, and that a part of each burst is
// kept for it.
func TestLane(t *testing.T) {
	now := noon
	l := newLane("C1", time.Second, func() time.Time { return now })
	for i := range 1000 {
		l.put(wish{errand{fmt.Sprint("old", i), "ask", "C1"}, called, true})
		l.put(wish{errand{fmt.Sprint("told", i), keyTold, "C1"}, read, false})
	}
	l.put(wish{errand{"note", "note-1", "C1"}, called, false})
	l.put(wish{errand{"new", "ask", "C1"}, asked, false})
	l.put(wish{errand{"over", "ask", "C1"}, urgent, true})
	if got := taken(l, 10); !slices.Equal(got, []string{"new", "over"}) {
		t.Errorf("it sends %q", got)
	}
	l = newLane("C1", time.Second, func() time.Time { return now })
	for i := range 10 {
		l.put(wish{errand{fmt.Sprint("told", i), keyTold, "C1"}, read, false})
	}
	if got := taken(l, 10); len(got) != laneBurst-laneReserve {
		t.Errorf("of a burst, what is only read takes %q", got)
	}
	l.put(wish{errand{"new", "ask", "C1"}, asked, false})
	if got := taken(l, 1); len(got) != 1 || got[0] != "new" {
		t.Errorf("it sends %q", got)
	}
}

// TestLaneLimits holds that a limit of edits holds up no new question, and the
// other way round.
func TestLaneLimits(t *testing.T) {
	now := noon
	l := newLane("C1", time.Second, func() time.Time { return now })
	edit, post := wish{errand{"old", "ask", "C1"}, called, true}, wish{errand{"new", "ask", "C1"}, asked, false}
	l.put(edit)
	l.limit(&waiting{wish: edit}, time.Minute)
	if w, wait := l.take(); w != nil || wait != time.Minute {
		t.Errorf("it sends %v, or waits for %s", w, wait)
	}
	l.put(post)
	if got := taken(l, 2); len(got) != 1 || got[0] != "new" {
		t.Errorf("it sends %q", got)
	}
	now = now.Add(time.Minute)
	l.limit(&waiting{wish: post}, time.Minute)
	l.put(post)
	if got := taken(l, 2); len(got) != 1 || got[0] != "old" {
		t.Errorf("it sends %q", got)
	}
}

// TestAgenda holds that what has changed is looked at before what may have been
// told, in its order, and each once.
func TestAgenda(t *testing.T) {
	a := newAgenda()
	a.add([]string{"a", "b", "c"})
	a.change("d")
	a.change("b")
	a.change("d")
	a.add([]string{"d"})
	var got string
	for {
		run, ok := a.take()
		if !ok {
			break
		}
		if got += run; run == "a" {
			a.change("e")
		}
	}
	if got != "dbaec" {
		t.Errorf("it looks at %s", got)
	}
}
