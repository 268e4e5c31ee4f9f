package sqlite

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPages holds that one trouble is one page until it is over, and that what
// comes late about the one before does not touch the next.
func TestPages(t *testing.T) {
	s := open(t, file(t))
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	first := Page{Key: "k", Run: "r1", Role: "sre", Text: "first", OpenedAt: at}
	again := Page{Key: "k", Run: "r1", Role: "sre", Text: "again", OpenedAt: at.Add(time.Minute)}
	put := func(p Page) {
		t.Helper()
		if err := s.PutPage(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	live := func(want ...Page) {
		t.Helper()
		got, err := s.LivePages(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("live (-want +got):\n%s", diff)
		}
	}
	put(first)
	put(again)
	first.N = 1
	live(first)
	first.SentAt, first.OverAt, first.Tries, first.NextAt, first.Error = at, at, 2, at, "no answer"
	if err := s.SettlePage(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	live(first)
	put(again)
	again.N = 1
	live(again)
	first.ClosedAt = at
	if err := s.SettlePage(t.Context(), first); err != nil { // it was about to be stored
		t.Fatal(err)
	}
	live(again)
	again.OverAt, again.ClosedAt = at, at
	if err := s.SettlePage(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	live()
	if err := s.prunePages(t.Context(), at.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := s.read.QueryRowContext(t.Context(), `SELECT count(*) FROM pages`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d are left, %v", left, err)
	}
}
