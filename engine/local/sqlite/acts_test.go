package sqlite

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine/local"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// TestVerifyFindsWhatWasDoneToActs holds that acts are in the chain as the
// records of runs are.
func TestVerifyFindsWhatWasDoneToActs(t *testing.T) {
	for _, tt := range []struct{ name, do, want string }{
		{"nothing", ``, ""},
		{"who", `UPDATE acts SET data = CAST(replace(data, 'ann', 'bob') AS BLOB) WHERE n = 2`, "changed  2"},
		{"when", `UPDATE acts SET at = at + 1 WHERE n = 3`, "changed  3"},
		{"its hash", `UPDATE acts SET hash = zeroblob(32) WHERE n = 3`, "changed  3"},
		{"one taken out", `DELETE FROM acts WHERE n = 2`, "missing  2"},
		{"the last taken out", `DELETE FROM acts WHERE n = 3`, "missing  3"},
		{"all taken out", `DELETE FROM acts`, "missing  1"},
		{"one put in", `INSERT INTO acts SELECT 4, at, kind, data, hash FROM acts WHERE n = 3`, "inserted  4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := history(t)
			s := open(t, path)
			for _, text := range []string{"one", "two", "three"} {
				if err := s.Act(t.Context(), Act{At: noon, Kind: "reload", By: "ann", Text: text}); err != nil {
					t.Fatal(err)
				}
			}
			acts, err := s.Acts(t.Context(), 2, 0)
			want := []Act{{N: 3, At: noon, Kind: "reload", By: "ann", Text: "three"}, {N: 2, At: noon, Kind: "reload", By: "ann", Text: "two"}}
			if diff := cmp.Diff(want, acts); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if acts, err = s.Acts(t.Context(), 2, 2); err != nil || len(acts) != 1 || acts[0].N != 1 {
				t.Errorf("after act 2: %+v, %v", acts, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			alter(t, path, tt.do)
			got := verify(t, path, "", "")
			if found(got) != tt.want || got.Runs != 3 {
				t.Errorf("of %d runs found %q, not %q: %+v", got.Runs, found(got), tt.want, got.Problems)
			}
			if a := verify(t, path, "b", ""); a.Problems != nil {
				t.Errorf("run b: %+v", a.Problems)
			}
		})
	}
}

// TestTokens goes through the life of a token: each step of it is an act, and
// a state that is restored has none that is good.
func TestTokens(t *testing.T) {
	path := history(t)
	s := open(t, path)
	token := Token{ID: "t1", Hash: []byte{1, 2}, Holder: "ann", May: []string{"read", "run"}, MadeBy: "bob", MadeAt: noon, ExpiresAt: noon.Add(time.Hour)}
	made := Act{At: noon, Kind: "token_made", By: "bob", Text: "t1 for ann"}
	if err := s.AddToken(t.Context(), token, made); err != nil {
		t.Fatal(err)
	}
	if err := s.AddToken(t.Context(), Token{ID: "t1", Holder: "eve"}, made); classOf(err) != local.ClassRefused {
		t.Errorf("made twice: %v", err)
	}
	if got, err := s.Token(t.Context(), "t1"); err != nil || !cmp.Equal(got, token) {
		t.Errorf("%+v, %v", got, err)
	}
	from := backup(t, path)
	for range 2 {
		if err := s.RevokeToken(t.Context(), "t1", Act{At: noon, Kind: "token_revoked", By: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Token(t.Context(), "t1"); err != nil || !got.RevokedAt.Equal(noon) {
		t.Errorf("%+v, %v", got, err)
	}
	_, err := s.Token(t.Context(), "t2")
	if gone := s.RevokeToken(t.Context(), "t2", Act{}); classOf(err) != local.ClassNotFound || classOf(gone) != local.ClassNotFound {
		t.Errorf("one that is not there: %v, %v", err, gone)
	}
	acts, err := s.Acts(t.Context(), 0, 0)
	if err != nil || len(acts) != 2 || acts[0].Kind != "token_revoked" || acts[1].Kind != "token_made" {
		t.Errorf("%+v, %v", acts, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), Restoring{From: from, To: path, Halt: restoring, Force: true}); err != nil {
		t.Fatal(err)
	}
	all, err := open(t, path).Tokens(t.Context())
	if err != nil || len(all) != 1 || all[0].RevokedAt.IsZero() {
		t.Errorf("after a restore: %+v, %v", all, err)
	}
}

func classOf(err error) string {
	if known, ok := errors.AsType[*local.Error](err); ok {
		return known.Class()
	}
	return ""
}

func TestChanges(t *testing.T) {
	s := open(t, file(t))
	change := Change{Reporter: "machine:ci", ID: "1", Service: "api", At: noon, Kind: "deploy", Title: "v2", Author: "ann", Before: "v1", After: "v2", URL: "https://ci/1", HeardAt: noon}
	keep := func(c Change, edit func(*Change)) {
		t.Helper()
		edit(&c)
		if err := s.KeepChange(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	keep(change, func(*Change) {})
	keep(change, func(c *Change) { c.Title = "v2 again" })
	keep(change, func(c *Change) { c.Reporter, c.At = "machine:flags", noon.Add(time.Hour) })
	keep(change, func(c *Change) { c.ID, c.Service, c.At = "2", "db", noon.Add(-time.Hour) })
	titles := func(f ChangeFilter) (all []string) {
		t.Helper()
		found, err := s.Changes(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range found {
			all = append(all, c.Reporter+" "+c.Service+" "+c.Title)
		}
		return all
	}
	flags, again, db := "machine:flags api v2", "machine:ci api v2 again", "machine:ci db v2"
	for _, tt := range []struct {
		f    ChangeFilter
		want []string
	}{
		{ChangeFilter{}, []string{flags, again, db}},
		{ChangeFilter{Service: "api"}, []string{flags, again}},
		{ChangeFilter{Since: noon}, []string{flags, again}},
		{ChangeFilter{Limit: 1}, []string{flags}},
	} {
		if got := titles(tt.f); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %q, not %q", tt.f, got, tt.want)
		}
	}
	if _, err := s.Prune(t.Context(), local.Pruning{Before: noon, At: noon, By: "ann"}); err != nil {
		t.Fatal(err)
	}
	if got := titles(ChangeFilter{}); !slices.Equal(got, []string{flags, again}) {
		t.Errorf("after pruning: %q", got)
	}
	if all, err := s.Changes(t.Context(), ChangeFilter{After: 4711}); classOf(err) != local.ClassNotFound {
		t.Errorf("after a change that is not there: %v, %v", all, err)
	}
	full, err := s.Changes(t.Context(), ChangeFilter{Since: noon.Add(time.Minute)})
	change.N, change.Reporter, change.At = 3, "machine:flags", noon.Add(time.Hour)
	if diff := cmp.Diff([]Change{change}, full); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
