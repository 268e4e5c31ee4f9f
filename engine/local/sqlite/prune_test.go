package sqlite

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// ended is a run that began at one hour of a day, ended at the next and
// needs a runbook of its own, and a configuration.
func ended(run string, hour int) local.Batch {
	at := time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC)
	book, config := []byte("book of "+run), []byte("config")
	b := local.Batch{
		Run: run,
		Records: []engine.Record{
			{Seq: 1, At: at, Event: engine.RunStarted{Facts: engine.Facts{ID: run, Pins: engine.Pins{Runbook: local.Digest(book), Config: local.Digest(config)}}}},
			{Seq: 2, At: at.Add(time.Hour), Event: engine.RunEnded{Word: engine.Succeeded}},
		},
		Head: engine.Head{ID: run, Phase: engine.PhaseEnded, Word: engine.Succeeded, StartedAt: at, EndedAt: at.Add(time.Hour), Seq: 2, Settled: true},
		Pins: []local.Pin{{Digest: local.Digest(book), Bytes: book}, {Digest: local.Digest(config), Bytes: config}},
	}
	return b
}

func appendAll(t *testing.T, s *Store, all ...local.Batch) {
	t.Helper()
	for _, b := range all {
		if err := s.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPrune(t *testing.T) {
	path := file(t)
	s := open(t, path)
	unsettled, doubt, unheard := ended("unsettled", 1), ended("doubt", 1), ended("unheard", 1)
	unsettled.Head.Settled = false
	doubt.Head.Waiting = []string{"in_doubt"}
	running := batch("running", 1)
	running.Head.StartedAt = time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)
	appendAll(t, s, unsettled, doubt, unheard, running, ended("late", 12), ended("changed", 1))
	var old []string
	for i := range 2*handful + 1 {
		old = append(old, fmt.Sprintf("old%02d", i))
		appendAll(t, s, ended(old[i], i%5))
	}
	if err := s.Say(t.Context(), local.Said{Run: "unheard", Kind: "vote", Data: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	alter(t, path, `UPDATE events SET at = at + 1 WHERE run = 'changed' AND seq = 1`)
	before, now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	got, err := s.Prune(t.Context(), local.Pruning{Before: before, At: now, By: "ann", Reason: "older than 90 days"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Runs) != len(old) || got.Records != 2*len(old) || !cmp.Equal(got.Kept, []string{"changed"}) {
		t.Errorf("pruned %+v, want %d runs and changed kept", got, len(old))
	}
	for _, run := range []string{"unsettled", "doubt", "unheard", "running", "late", "changed"} {
		if recs, err := s.Load(t.Context(), run, 0); err != nil || len(recs) == 0 {
			t.Errorf("%s: %d records, %v", run, len(recs), err)
		}
		if _, err := s.Blob(t.Context(), local.Digest([]byte("book of "+run))); err != nil && run != "running" {
			t.Errorf("%s: %v", run, err)
		}
	}
	if _, err := s.Blob(t.Context(), local.Digest([]byte("config"))); err != nil {
		t.Errorf("what others need, too: %v", err)
	}
	var known *local.Error
	if _, err := s.Blob(t.Context(), local.Digest([]byte("book of old00"))); !errors.As(err, &known) || known.Class() != local.ClassNotFound {
		t.Errorf("what nobody needs: %v", err)
	}
	_, err = s.Load(t.Context(), "old00", 0)
	if !errors.As(err, &known) || known.Class() != local.ClassNotFound || !errors.Is(err, local.ErrPruned) ||
		!strings.Contains(err.Error(), "had 2 records") || !strings.Contains(err.Error(), "pruned on 2026-04-01 by ann: older than 90 days") {
		t.Errorf("a run that was pruned: %v", err)
	}
	if heads, err := s.Heads(t.Context(), local.Filter{}); err != nil || len(heads) != 6 {
		t.Errorf("%d runs are listed, %v", len(heads), err)
	}
	if again, err := s.Prune(t.Context(), local.Pruning{Before: before, At: now}); err != nil || len(again.Runs) != 0 {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	alter(t, path, `UPDATE events SET at = at - 1 WHERE run = 'changed' AND seq = 1`)
	if a := verify(t, path, "", ""); a.Problems != nil || a.Pruned != len(old) || a.Runs != len(old)+6 {
		t.Errorf("%+v", a)
	}
	if a := verify(t, path, "old00", ""); a.Problems != nil || a.Pruned != 1 || a.Runs != 1 {
		t.Errorf("%+v", a)
	}
}

// Nothing is written to a run that was pruned, and its name is never used
// again.
func TestPrunedIsOver(t *testing.T) {
	path := file(t)
	s := open(t, path)
	appendAll(t, s, ended("old", 1))
	if _, err := s.Prune(t.Context(), local.Pruning{Before: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), ended("old", 2)); !errors.Is(err, local.ErrSequence) {
		t.Errorf("a run of that name: %v", err)
	}
	if err := s.Append(t.Context(), batch("old", 3)); !errors.Is(err, local.ErrPruned) {
		t.Errorf("a record more: %v", err)
	}
	appendAll(t, s, batch("new", 1)) // it hurts nobody else
	var left int
	if err := s.read.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM blobs) + (SELECT count(*) FROM refs)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d blobs and references are left, %v", left, err)
	}
}

func TestVerifyFindsWhatWasDoneToTombstones(t *testing.T) {
	for _, tt := range []struct{ name, do, want string }{
		{"nothing", ``, ""},
		{"why", `UPDATE tombstones SET data = CAST(replace(data, 'too old', 'too bad') AS BLOB)`, "changed old 3"},
		{"when", `UPDATE tombstones SET at = at + 1`, "changed old 3"},
		{"how many", `UPDATE tombstones SET seq = seq + 1`, "changed old 4"},
		{"the last hash", `UPDATE tombstones SET last = zeroblob(32)`, "changed old 3"},
		{"taken away", `DELETE FROM tombstones`, "missing old 0"},
		{"one put there", `INSERT INTO tombstones SELECT 'other', seq, at, data, last FROM tombstones`, "inserted other 0"},
		{"put on a run that is there", `INSERT INTO tombstones SELECT 'young', seq, at, data, last FROM tombstones`, "changed young 3"},
		{"a record put back", `PRAGMA foreign_keys = 0; UPDATE events SET run = 'old' WHERE run = 'young' AND seq = 1`, "inserted old 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := file(t)
			s := open(t, path)
			appendAll(t, s, ended("old", 1), ended("young", 5))
			p := local.Pruning{Before: time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC), By: "ann", Reason: "too old"}
			if got, err := s.Prune(t.Context(), p); err != nil || len(got.Runs) != 1 {
				t.Fatal(got, err)
			}
			alter(t, path, tt.do)
			if got := found(verify(t, path, "", "")); got != tt.want {
				t.Errorf("found %q, not %q", got, tt.want)
			}
		})
	}
}

// A tombstone cannot stand for records that are not those that the log says
// the run had.
func TestVerifyTombstoneOfForgedRecords(t *testing.T) {
	path := file(t)
	s := open(t, path)
	appendAll(t, s, ended("old", 1))
	alter(t, path, `UPDATE events SET at = at + 1 WHERE seq = 1`)
	forge(t, path, "old", false)
	if got, err := s.Prune(t.Context(), local.Pruning{Before: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}); err != nil || len(got.Runs) != 1 {
		t.Fatal(got, err)
	}
	if got := found(verify(t, path, "", "")); got != "changed old 3" {
		t.Errorf("found %q", got)
	}
}

// However many runs there are, none is looked at twice.
func TestPruneGoesOnWhereItWas(t *testing.T) {
	s := open(t, file(t))
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+findRuns, 0, "", 0, "", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if text := strings.Join(plan, "; "); rows.Err() != nil || !strings.HasPrefix(text, "SEARCH runs USING INDEX runs_started (") || strings.Contains(text, "TEMP") {
		t.Errorf("%s, %v", text, rows.Err())
	}
}
