package server_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

// The view of a run is a contract: its JSON is compared as it is.
func TestView(t *testing.T) {
	r := newRuns(t)
	began := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	run := engine.New(r.run.Book)
	f := r.run.Facts
	f.Inputs = map[string]json.RawMessage{}
	recs, err := engine.Decide(run, engine.Start{Facts: f}, began)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		run = engine.Apply(run, rec)
	}
	got, err := json.MarshalIndent(server.NewView(run, began.Add(time.Second)), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "id": "r1",
  "runbook": "pause",
  "title": "Wait a little",
  "requester": {
    "kind": "alert",
    "name": "a"
  },
  "digest": "",
  "phase": "running",
  "seq": 3,
  "started_at": "2026-11-22T10:00:00Z",
  "people_seconds": 0,
  "waits": [
    {
      "on": "timer",
      "path": "rest",
      "until": "2026-11-22T10:00:30Z",
      "text": "wait"
    }
  ],
  "steps": [
    {
      "path": "rest",
      "id": "rest",
      "kind": "wait",
      "status": "waiting",
      "doing": "waiting",
      "started_at": "2026-11-22T10:00:00Z",
      "effect": "none"
    }
  ],
  "questions": [],
  "ledger": []
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("view (-want +got):\n%s", diff)
	}
}

// What came over the wire is what was sent.
// A gate is shown as approved until something begins under it.
func TestViewApproved(t *testing.T) {
	run, until := newRuns(t).run, time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	yes := []engine.Yes{{By: "ann", At: until.Add(-time.Minute)}}
	for state, want := range map[engine.GateState][]server.Approved{
		engine.GateOpen:     nil,
		engine.GateApproved: {{Path: "rest", Votes: yes, Until: until}},
		engine.GateConsumed: nil,
	} {
		run.Gates = map[string]*engine.Gate{"rest": {State: state, Yes: yes, ValidUntil: until}}
		if diff := cmp.Diff(want, server.NewView(run, until).Approved); diff != "" {
			t.Errorf("%s (-want +got):\n%s", state, diff)
		}
	}
}

func TestViewOverTheWire(t *testing.T) {
	r := newRuns(t)
	cfg := config(t, r)
	now := time.Now()
	cfg.Now = func() time.Time { return now }
	_, c := serve(t, cfg)
	got, err := c.Run(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(server.NewView(r.run, now), got); diff != "" {
		t.Errorf("view (-sent +received):\n%s", diff)
	}
}
