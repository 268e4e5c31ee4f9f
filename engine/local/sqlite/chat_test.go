package sqlite

import (
	"slices"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// TestHeard holds that what comes twice is heard once, and waits until it was
// dealt with, whoever the owner is then.
func TestHeard(t *testing.T) {
	path := file(t)
	s := open(t, path)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, key := range []string{"a", "b", "a", "c"} {
		fresh, err := s.Hear(t.Context(), Heard{Key: key, At: at, Data: []byte(`{}`)})
		if err != nil || fresh != (i != 2) {
			t.Fatalf("%s: fresh %t, %v", key, fresh, err)
		}
	}
	if err := s.Heed(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	left, err := s.Unheeded(t.Context())
	if err != nil || len(left) != 2 || left[0].Key != "a" || left[1].Key != "c" || !left[0].At.Equal(at) {
		t.Fatalf("%+v, %v", left, err)
	}
	if _, err := s.Prune(t.Context(), local.Pruning{Before: at.Add(time.Hour), At: at.Add(time.Hour), By: "ann", Reason: "old"}); err != nil {
		t.Fatal(err)
	}
	if fresh, err := s.Hear(t.Context(), Heard{Key: "b", At: at, Data: []byte(`{}`)}); err != nil || !fresh {
		t.Errorf("what was dealt with is kept for ever: %v", err)
	}
	if fresh, err := s.Hear(t.Context(), Heard{Key: "a", At: at, Data: []byte(`{}`)}); err != nil || fresh {
		t.Errorf("what waits was given up: %v", err)
	}
}

// TestPosts holds that a post is what was stored of it last.
func TestPosts(t *testing.T) {
	s := open(t, file(t))
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := Post{Run: "r1", Key: "run", Place: "C1", Ref: "C1/2.0", Shown: "x", Ping: "open", At: at}
	for _, p := range []Post{{Run: "r1", Key: "run", Place: "C1", At: at}, want, {Run: "r1", Key: "end", Place: "C1", At: at}, {Run: "r2", Key: "run", Place: "C1", At: at}} {
		if err := s.SetPost(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DropPost(t.Context(), Post{Run: "r1", Key: "end", Place: "C1"}); err != nil {
		t.Fatal(err)
	}
	all, err := s.Posts(t.Context(), "r1")
	if err != nil || len(all) != 1 || all[0] != want {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestUntold holds which runs are to be told on: those that began after the
// telling did, and those of which something was told before; none of which all
// was.
func TestUntold(t *testing.T) {
	s := open(t, file(t))
	appendAll(t, s, ended("old", 1), ended("begun", 1), ended("new", 3), ended("done", 3))
	since := time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC)
	for _, p := range []Post{{Run: "begun", Key: "run", Place: "C1", At: since}, {Run: "done", Key: "run", Place: "C1", At: since}, {Run: "done", Key: "done", At: since}} {
		if err := s.SetPost(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Untold(t.Context(), since, "done")
	if err != nil || !slices.Equal(got, []string{"begun", "new"}) {
		t.Errorf("%q, %v", got, err)
	}
}
