package locks

import (
	"slices"
	"testing"
)

func all(string) bool  { return true }
func none(string) bool { return false }

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
	l.Withdraw("a", "/lock", all)
	expect("a keeps what it took")
	l.Release("a")
	expect("all at once", "b/lock")
	l.Withdraw("b", "/lock", none)
	expect("b did not take it", "c/lock")
	l.Release("c")
	l.Release("d")
	expect("nobody waits")
	if len(l.held)+len(l.has)+len(l.given)+len(l.queue) > 0 {
		t.Errorf("left behind: %v %v %v %v", l.held, l.has, l.given, l.queue)
	}

	l.Restore("e", []string{"db"})
	l.Request("f", "/lock", []string{"db"})
	l.Withdraw("f", "/lock", none)
	l.Release("e")
	expect("f no longer wants it")
}

func TestTry(t *testing.T) {
	var granted []string
	l := New(func(run, id string) { granted = append(granted, run+id) })
	l.Request("a", "/lock", []string{"db"})
	l.Request("b", "/lock", []string{"git"})
	l.Request("c", "/lock", []string{"db", "k8s"})
	if holder := l.Try("a", "/late", []string{"git"}); holder != "b" {
		t.Errorf("git is tried, and %q has it", holder)
	}
	if holder := l.Try("a", "/late", []string{"k8s"}); holder != "" {
		t.Errorf("k8s is free, and %q is said to have it: c waits for a, and a would wait for c", holder)
	}
	l.Withdraw("a", "/late", none)
	if holder := l.Try("b", "/late", []string{"k8s"}); holder != "" {
		t.Errorf("a did not take k8s, and %q has it", holder)
	}
	l.Withdraw("b", "/late", all)
	l.Release("a")
	if holder := l.Holders()["k8s"]; holder != "b" {
		t.Errorf("%q has k8s, and b took it", holder)
	}
	l.Release("b")
	if want := []string{"a/lock", "b/lock", "a/late", "b/late", "c/lock"}; !slices.Equal(granted, want) {
		t.Errorf("granted %v, want %v", granted, want)
	}
}
