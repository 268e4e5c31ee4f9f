package locks

import (
	"slices"
	"testing"
)

func TestLocks(t *testing.T) {
	var granted []string
	l := New(func(run, id string) { granted = append(granted, run+id) })
	expect := func(when string, want ...string) {
		t.Helper()
		if !slices.Equal(granted, want) {
			t.Errorf("%s: granted %v, want %v", when, granted, want)
		}
		granted = nil
	}
	l.Request("a", "/lock", []string{"db", "git"})
	expect("free", "a/lock")
	l.Request("b", "/lock", []string{"git", "k8s"})
	l.Request("b", "/lock", []string{"git", "k8s"}) // once more
	expect("git is taken")
	l.Request("c", "/lock", []string{"k8s"})
	expect("k8s is free, and b was first")
	l.Request("d", "/lock", []string{"pg"})
	expect("nobody before wants pg", "d/lock")
	l.Request("a", "/more", []string{"db"})
	expect("a has it already", "a/more")
	l.Withdraw("a", "/lock", true)
	expect("a keeps what it took")
	l.Release("a")
	expect("all at once", "b/lock")
	l.Withdraw("b", "/lock", false)
	expect("b did not take it", "c/lock")
	l.Release("c")
	l.Release("d")
	expect("nobody waits")
	if len(l.held)+len(l.given)+len(l.queue) > 0 {
		t.Errorf("left behind: %v %v %v", l.held, l.given, l.queue)
	}

	l.Restore("e", []string{"db"})
	l.Request("f", "/lock", []string{"db"})
	l.Withdraw("f", "/lock", false)
	l.Release("e")
	expect("f no longer wants it")
}
