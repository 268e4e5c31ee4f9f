package local

import (
	"slices"
	"testing"
)

func TestLocks(t *testing.T) {
	var granted []string
	l := newLocks(func(run, id string) { granted = append(granted, run+id) })
	expect := func(when string, want ...string) {
		t.Helper()
		if !slices.Equal(granted, want) {
			t.Errorf("%s: granted %v, want %v", when, granted, want)
		}
		granted = nil
	}
	l.request("a", "/lock", []string{"db", "git"})
	expect("free", "a/lock")
	l.request("b", "/lock", []string{"git", "k8s"})
	l.request("b", "/lock", []string{"git", "k8s"}) // once more
	expect("git is taken")
	l.request("c", "/lock", []string{"k8s"})
	expect("k8s is free, and b was first")
	l.request("d", "/lock", []string{"pg"})
	expect("nobody before wants pg", "d/lock")
	l.request("a", "/more", []string{"db"})
	expect("a has it already", "a/more")
	l.withdraw("a", "/lock", true)
	expect("a keeps what it took")
	l.release("a")
	expect("all at once", "b/lock")
	l.withdraw("b", "/lock", false)
	expect("b did not take it", "c/lock")
	l.release("c")
	l.release("d")
	expect("nobody waits")
	if len(l.held)+len(l.given)+len(l.queue) > 0 {
		t.Errorf("left behind: %v %v %v", l.held, l.given, l.queue)
	}

	l.restore("e", []string{"db"})
	l.request("f", "/lock", []string{"db"})
	l.withdraw("f", "/lock", false)
	l.release("e")
	expect("f no longer wants it")
}
