package sqlite

import (
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// TestPruneAlerts holds that what was decided and comes no more is given up,
// and nothing that waits.
func TestPruneAlerts(t *testing.T) {
	path := file(t)
	s := open(t, path)
	long := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := long.AddDate(0, 6, 0)
	keep := func(key string, at time.Time) {
		t.Helper()
		if _, err := s.KeepAlerts(t.Context(), Delivery{}, []Alert{{Key: key, Source: "am", Identity: key, Data: []byte("{}"), Firing: true, ReceivedAt: at}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"gone", "again", "waits"} {
		keep(key, long)
	}
	all, _, err := s.WaitingAlerts(t.Context(), now)
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	for i := range all {
		all[i].Outcome, all[i].Run, all[i].DecidedAt = AlertStarted, "r1", long
	}
	if err := s.SettleAlerts(t.Context(), all[:2]); err != nil {
		t.Fatal(err)
	}
	keep("again", now)
	if _, err := s.Prune(t.Context(), local.Pruning{Before: long.AddDate(0, 1, 0), At: now, By: "ann", Reason: "old"}); err != nil {
		t.Fatal(err)
	}
	r, err := Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	left, err := r.Alerts(t.Context(), 0, 0)
	if after, err := r.Alerts(t.Context(), 0, left[0].N); err != nil || len(after) != 1 || after[0].Key != left[1].Key {
		t.Errorf("after the first: %+v, %v", after, err)
	}
	if err != nil || len(left) != 2 || left[0].Key != "again" || left[0].Times != 2 || left[1].Key != "waits" {
		t.Errorf("left are %+v, %v", left, err)
	}
}
