package paging_test

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/server/paging"
	"github.com/firebreak-ops/firebreak/server/paging/pagingtest"
)

// noteBox is the state.
type noteBox struct{ *sqlite.Store }

func (b noteBox) PutNotes(ctx context.Context, all []paging.Note) error {
	var out []sqlite.Note
	for _, n := range all {
		out = append(out, sqlite.Note(n))
	}
	return b.Store.PutNotes(ctx, out)
}

func (b noteBox) LiveNotes(ctx context.Context) (all []paging.Note, err error) {
	stored, err := b.Store.LiveNotes(ctx)
	for _, n := range stored {
		all = append(all, paging.Note(n))
	}
	return all, err
}

func (b noteBox) SettleNote(ctx context.Context, n paging.Note) error {
	return b.Store.SettleNote(ctx, sqlite.Note(n))
}

func note(incident, text string) paging.Note {
	return paging.Note{Key: incident + " " + text, Source: "pd", Incident: incident, Text: text}
}

// TestNotes holds that notes are written once each, in their order on each
// incident, whatever goes wrong on the way; and that what is refused is given
// up, and holds up no other.
func TestNotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		api := pagingtest.NewIncidents("secret", "Q1", "Q2")
		warned := make(chan string, 100)
		noter := paging.NewNoter(paging.NoterConfig{
			Box: noteBox{store}, Sources: map[string]*service.Source{"pd": {Notes: &service.Notes{Token: "env:T", From: "bot@example.com"}}},
			Secret: func(string) (string, error) { return "secret", nil }, Warn: func(err error) { warned <- err.Error() },
			Client: &http.Client{Transport: wire{api}},
		})
		put := func(all ...paging.Note) {
			t.Helper()
			if err := noter.Put(t.Context(), all); err != nil {
				t.Fatal(err)
			}
		}
		put(note("Q1", "one"), note("Q1", "two"), note("Q2", "one"), note("Q9", "nowhere"), note("Q1", "three"))
		api.Fail(500)
		api.Lose()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			noter.Run(ctx)
		}()
		<-time.After(time.Minute)
		put(note("Q1", "one"), note("Q1", "four"))
		synctest.Wait()
		<-time.After(time.Minute)
		cancel()
		<-done
		if got := api.Notes("Q1"); !slices.Equal(got, []string{"one", "two", "three", "four"}) {
			t.Errorf("written is %q", got)
		}
		if got := api.Notes("Q2"); !slices.Equal(got, []string{"one"}) {
			t.Errorf("written is %q", got)
		}
		left, err := store.LiveNotes(t.Context())
		if err != nil || len(left) > 0 {
			t.Errorf("left are %+v, %v", left, err)
		}
		close(warned)
		for text := range warned {
			if strings.Contains(text, "secret") {
				t.Errorf("it says the token: %s", text)
			}
		}
	})
}

// TestNotesGiveUp holds that a note that nobody takes is not tried for ever, and
// not often.
func TestNotesGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		tried := 0
		noter := paging.NewNoter(paging.NoterConfig{
			Box: noteBox{store}, Sources: map[string]*service.Source{"pd": {Notes: &service.Notes{Token: "env:T"}}},
			Secret: func(string) (string, error) { return "old", nil }, Warn: func(error) {},
			Client: &http.Client{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tried++
				pagingtest.NewIncidents("new", "Q1").ServeHTTP(w, r)
			})}},
		})
		if err := noter.Put(t.Context(), []paging.Note{note("Q1", "one")}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			noter.Run(ctx)
		}()
		<-time.After(25 * time.Hour)
		cancel()
		<-done
		left, err := store.LiveNotes(t.Context())
		if err != nil || len(left) > 0 || tried > 25*60 {
			t.Errorf("left are %+v after %d tries, %v", left, tried, err)
		}
	})
}
