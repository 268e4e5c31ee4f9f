package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

func TestMain(m *testing.M) {
	if child := helper(); child != nil {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "state.db") }

// batch is the n-th batch of a run, with one record.
func batch(run string, n int) local.Batch {
	began := time.Date(2026, 11, 22, 10, 0, 0, 123456000, time.UTC)
	at := began.Add(time.Duration(n) * time.Second)
	return local.Batch{
		Run:     run,
		After:   n - 1,
		Records: []engine.Record{{Seq: n, At: at, Event: engine.InputRefused{By: "alice", What: "approve", Reason: fmt.Sprint(n)}}},
		Head: engine.Head{
			ID: run, Runbook: "book", Service: "api", Requester: engine.Requester{Kind: "person", Name: "alice"},
			Phase: engine.PhaseRunning, Waiting: []string{"approval", "timer"}, Bar: map[bool]string{true: "rate"}[n > 1], May: n - 1,
			StartedAt: began, ChangedAt: at, Seq: n,
		},
	}
}

func TestPragmas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a #b?c%20.db") // a name that must be escaped
	s := open(t, path)
	want := map[string]string{
		"busy_timeout": "5000", "foreign_keys": "1", "journal_mode": "wal", "synchronous": "2", "journal_size_limit": "-1", "trusted_schema": "0",
	}
	for name, q := range map[string]interface {
		QueryRowContext(context.Context, string, ...any) *sql.Row
	}{"write": s.write, "read": s.read} {
		got := map[string]string{}
		for pragma := range want {
			var v string
			if err := q.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&v); err != nil {
				t.Fatal(err)
			}
			got[pragma] = v
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pragmas of the %s connection (-want +got):\n%s", name, diff)
		}
	}
	if _, err := s.read.ExecContext(t.Context(), "DELETE FROM meta"); err == nil {
		t.Error("the read connections can write")
	}
	var name string
	if err := s.write.QueryRowContext(t.Context(), "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&name); err != nil {
		t.Fatal(err)
	}
	if filepath.Base(name) != filepath.Base(path) {
		t.Errorf("the file is %s, not %s", name, path)
	}
}

func TestWhatIsAppendedIsThere(t *testing.T) {
	path := file(t)
	s := open(t, path)
	b := batch("r1", 1)
	b.Pins = []local.Pin{{Digest: "sha256:1", Bytes: []byte("one")}}
	if err := s.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	b2 := batch("r1", 2)
	b2.Head.Phase, b2.Head.Word, b2.Head.Settled, b2.Head.EndedAt = engine.PhaseEnded, engine.Succeeded, true, b2.Records[0].At
	b2.Head.StartedAt, b2.Head.Waiting, b2.Head.Asks = b.Head.StartedAt, nil, 1
	b2.Pins = b.Pins // the same bytes again are no error
	if err := s.Append(t.Context(), b2); err != nil {
		t.Fatal(err)
	}
	b3 := batch("r2", 1)
	b3.Head.StartedAt, b3.Head.Asks = b3.Head.StartedAt.Add(time.Hour), 2
	if err := s.Append(t.Context(), b3); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	got, err := s.Load(t.Context(), "r1", 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []engine.Record{b.Records[0], b2.Records[0]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if got, err = s.Load(t.Context(), "r1", 1); err != nil || len(got) != 1 || got[0].Seq != 2 {
		t.Errorf("after record 1: %v, %v", got, err)
	}
	for _, tt := range []struct {
		filter local.Filter
		want   []engine.Head
	}{
		{local.Filter{}, []engine.Head{b3.Head, b2.Head}},
		{local.Filter{Unsettled: true}, []engine.Head{b3.Head}},
		{local.Filter{Limit: 1}, []engine.Head{b3.Head}},
		{local.Filter{Limit: 1, After: b3.Head.ID}, []engine.Head{b2.Head}},
		{local.Filter{After: b2.Head.ID}, nil},
		{local.Filter{Service: "web"}, nil},
		{local.Filter{Asking: true}, []engine.Head{b2.Head, b3.Head}},
		{local.Filter{Asking: true, Limit: 1, After: b2.Head.ID}, []engine.Head{b3.Head}},
		{local.Filter{Asking: true, After: b3.Head.ID}, nil},
	} {
		heads, err := s.Heads(t.Context(), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, heads); diff != "" {
			t.Errorf("runs of %+v (-want +got):\n%s", tt.filter, diff)
		}
	}
	for _, f := range []local.Filter{{After: "gone"}, {Asking: true, After: "gone"}} {
		if heads, err := s.Heads(t.Context(), f); classOf(err) != local.ClassNotFound {
			t.Errorf("after a run that is not there: %v, %v", heads, err)
		}
	}
	if b, err := s.Blob(t.Context(), "sha256:1"); err != nil || string(b) != "one" {
		t.Errorf("pinned bytes: %q, %v", b, err)
	}
	var classed interface{ Class() string }
	if _, err := s.Blob(t.Context(), "sha256:2"); !errors.As(err, &classed) || classed.Class() != local.ClassNotFound {
		t.Errorf("bytes that were never pinned: %v", err)
	}
}

func TestAppendRefusesAnotherSequence(t *testing.T) {
	s := open(t, file(t))
	if err := s.Append(t.Context(), batch("r", 1)); err != nil {
		t.Fatal(err)
	}
	gap := batch("r", 2)
	gap.Records[0].Seq = 3
	for name, b := range map[string]local.Batch{"again": batch("r", 1), "too far": batch("r", 3), "a gap": gap} {
		if err := s.Append(t.Context(), b); !errors.Is(err, local.ErrSequence) {
			t.Errorf("%s: %v, want ErrSequence", name, err)
		}
	}
	if recs, err := s.Load(t.Context(), "r", 0); err != nil || len(recs) != 1 {
		t.Errorf("%d records, %v; want the first alone", len(recs), err)
	}
}

// One transaction takes all that wait, and one batch's conflict does not hurt
// the others.
func TestGroupCommit(t *testing.T) {
	s := open(t, file(t))
	if err := s.Append(t.Context(), batch("taken", 1)); err != nil {
		t.Fatal(err)
	}
	began, gate := make(chan struct{}), make(chan struct{})
	held := submit(s, func(context.Context, *sql.Tx) error {
		close(began)
		<-gate
		return nil
	})
	<-began // whatever is given from here on waits
	const n = 50
	var jobs []*job
	for i := range n {
		jobs = append(jobs, submit(s, appending(t, s, batch(fmt.Sprintf("r%d", i), 1))))
	}
	conflict := submit(s, appending(t, s, batch("taken", 1)))
	close(gate)
	if err := <-held.done; err != nil {
		t.Fatal(err)
	}
	before := commits(s)
	for i, j := range jobs {
		if err := <-j.done; err != nil {
			t.Errorf("batch %d: %v", i, err)
		}
	}
	if err := <-conflict.done; !errors.Is(err, local.ErrSequence) {
		t.Errorf("the conflicting batch: %v, want ErrSequence", err)
	}
	if got := commits(s) - before; got > 1 {
		t.Errorf("%d transactions for %d batches that waited together", got, n+1)
	}
	if heads, err := s.Heads(t.Context(), local.Filter{}); err != nil || len(heads) != n+1 {
		t.Errorf("%d runs, %v", len(heads), err)
	}
}

func appending(t *testing.T, s *Store, b local.Batch) writer {
	t.Helper()
	w, err := s.appending(b)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func submit(s *Store, w writer) *job {
	j := &job{write: w, done: make(chan error, 1)}
	s.jobs <- j
	return j
}

func commits(s *Store) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

func TestFencing(t *testing.T) {
	path := file(t)
	s := open(t, path)
	first, err := s.Own(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if first.Generation != 1 || first.Gaps != nil || first.Orders != nil || first.Said != nil {
		t.Errorf("the first tenure is %+v", first)
	}
	if err := s.Append(t.Context(), batch("r", 1)); err != nil {
		t.Fatal(err)
	}
	// Somebody who got past the lock, as with a copied file or a file system without locks.
	other, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "UPDATE meta SET generation = generation + 1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), batch("r", 2)); !errors.Is(err, local.ErrFenced) {
		t.Errorf("a fenced owner writes: %v", err)
	}
	if err := s.SetOrder(t.Context(), local.Order{On: true}); !errors.Is(err, local.ErrFenced) {
		t.Errorf("a fenced owner gives orders: %v", err)
	}
	s.mu.Lock()
	s.drives = false // so that it closes without a word
	s.mu.Unlock()
}

func TestTenure(t *testing.T) {
	path := file(t)
	s := open(t, path)
	if _, err := s.Own(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), batch("r", 1)); err != nil {
		t.Fatal(err)
	}
	halt := local.Order{Kind: engine.StopHalt, On: true, By: "carol", Reason: "not now", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if err := s.SetOrder(t.Context(), local.Order{Kind: engine.StopHalt, By: "bob"}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetOrder(t.Context(), halt); err != nil {
		t.Fatal(err)
	}
	// One that comes with the end of a run.
	hold := local.Order{Kind: engine.StopHold, Service: "api", On: true, By: "firebreak", Reason: "r ended dirty", At: halt.At.Add(time.Hour)}
	end := batch("r", 2)
	end.Order = &hold
	if err := s.Append(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	driven := time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)
	s.now = func() time.Time { return driven }
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	if _, err := s.Own(t.Context(), false); err != nil { // records only
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, kind := range []string{"vote", "cancel"} {
		if err := s.Say(t.Context(), local.Said{Run: "r", At: at, Kind: kind, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	s.now = func() time.Time { return driven.Add(time.Hour) }
	got, err := s.Own(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	want := local.Tenure{Generation: 3, Gaps: []local.Gap{{Generation: 3, Down: time.Hour}}, Orders: []local.Order{halt, hold}, Said: []local.Said{
		{N: 1, Run: "r", At: at, Kind: "vote", Data: []byte("{}")},
		{N: 2, Run: "r", At: at, Kind: "cancel", Data: []byte("{}")},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tenure (-want +got):\n%s", diff)
	}
	if err := s.Append(t.Context(), local.Batch{Run: "r", After: 2, Heard: []int64{1}}); err != nil {
		t.Fatal(err)
	}
	if again, err := s.Own(t.Context(), true); err != nil || len(again.Said) != 1 || again.Said[0].N != 2 {
		t.Errorf("after one was heard: %+v, %v", again.Said, err)
	}
}

// What an owner must know of a run that only waits is that of its last batch.
func TestUnsettled(t *testing.T) {
	s := open(t, file(t))
	rest := &local.Rest{
		Generation: 3, StartedAt: time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC), Pins: "sha256:1", Service: "api",
		Stops: []engine.Stop{{Kind: engine.StopHalt, By: "carol"}},
		Clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Held: []string{"a", "b"},
		Wish: &local.Wish{ID: "c", Identities: []string{"d"}},
	}
	add := func(run string, seq int, rest *local.Rest, settled bool) {
		b := batch(run, seq)
		b.Rest, b.Head.Settled = rest, settled
		if err := s.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	add("waits", 1, nil, false)
	add("waits", 2, rest, false)
	add("works", 1, rest, false)
	add("works", 2, nil, false)
	add("torn", 1, rest, false)
	add("ended", 1, nil, true)
	if _, err := s.write.ExecContext(t.Context(), "UPDATE runs SET rest = x'7b' WHERE id = 'torn'"); err != nil {
		t.Fatal(err)
	}
	got := map[string]*local.Rest{}
	if err := s.Unsettled(t.Context(), func(run string, r *local.Rest) error {
		got[run] = r
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]*local.Rest{"waits": rest, "works": nil, "torn": nil}, got); diff != "" {
		t.Errorf("unsettled (-want +got):\n%s", diff)
	}
	stop := errors.New("enough")
	if err := s.Unsettled(t.Context(), func(string, *local.Rest) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("it goes on: %v", err)
	}
}

func TestClosed(t *testing.T) {
	s := open(t, file(t))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("a second close: %v", err)
	}
	// All is in the one file, which can be copied away.
	if left, err := filepath.Glob(s.path + "-*"); err != nil || left != nil {
		t.Errorf("left beside the file: %v, %v", left, err)
	}
	var classed interface{ Class() string }
	if err := s.Append(t.Context(), batch("r", 1)); !errors.As(err, &classed) || classed.Class() != local.ClassClosed {
		t.Errorf("append to a closed file: %v", err)
	}
}

// TestUndoOf holds that the last run that was begun to undo one is found.
func TestUndoOf(t *testing.T) {
	s := open(t, file(t))
	undo := func(id string, hour int, of string) local.Batch {
		b := ended(id, hour)
		b.Records[0].Event = engine.RunStarted{Facts: engine.Facts{ID: id, UndoOf: of, Pins: engine.Pins{Runbook: b.Pins[0].Digest, Config: b.Pins[1].Digest}}}
		return b
	}
	appendAll(t, s, ended("run", 1), ended("other", 2), undo("first", 5, "run"), undo("last", 4, "run"), undo("another", 6, "other"))
	for of, want := range map[string]string{"run": "last", "other": "another", "first": "", "none": ""} {
		if got, err := s.UndoOf(t.Context(), of); err != nil || got != want {
			t.Errorf("the undo of %s is %q, %v; want %q", of, got, err, want)
		}
	}
}
