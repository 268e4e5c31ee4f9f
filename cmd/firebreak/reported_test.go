package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/plugins/builtin/diagnose"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// TestReported holds that a change which somebody reported reaches a diagnosis:
// of a run, filled into its input, and of the command, read from the state.
func TestReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	store, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	now := time.Now().UTC().Truncate(time.Second)
	for _, c := range []sqlite.Change{
		{Reporter: "machine:ci", ID: "1", Service: "api", At: now.Add(-time.Minute), Kind: "config", Title: "db.pool.max", Before: "50", After: "20", HeardAt: now},
		{Reporter: "machine:ci", ID: "2", Service: "api", At: now.Add(-3 * time.Hour), Kind: "deploy", Title: "v2", Before: "v1", After: "v2", HeardAt: now},
		{Reporter: "machine:ci", ID: "3", Service: "other", At: now, Kind: "flag", Title: "fast", HeardAt: now},
	} {
		if err := store.KeepChange(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	x := &executor{reported: func(ctx context.Context, service string, since time.Time) []capability.Change {
		return reportedTo(ctx, store, service, since)
	}}
	filled := func(x *executor, input string) []capability.Change {
		t.Helper()
		in, err := capability.Input[capability.DiagnoseInput]("diagnose.connections", x.withReported(t.Context(), "api", json.RawMessage(input)))
		if err != nil {
			t.Fatal(err)
		}
		return in.Reported
	}
	all := filled(x, `{"pool":null,"database":null,"changes":null}`)
	if len(all) != 1 || all[0].Setting != "db.pool.max" || all[0].Before.String() != "50" || all[0].Kind != "config" || all[0].Reporter != "machine:ci" || all[0].Author != "machine:ci" {
		t.Fatalf("in a run: %+v", all)
	}
	if _, isNumber := all[0].After.Number(); !isNumber {
		t.Errorf("%s is no number", all[0].After)
	}
	if all := filled(x, `{"pool":null,"database":null,"changes":null,"reported":[]}`); len(all) != 0 {
		t.Errorf("what the input says is overwritten: %+v", all)
	}
	if all := filled(&executor{}, `{"pool":null,"database":null,"changes":null}`); len(all) != 0 {
		t.Errorf("without a state: %+v", all)
	}

	reader, err := sqlite.Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if all := reportedTo(t.Context(), reader, "api", now.Add(-24*time.Hour)); len(all) != 2 || all[1].Title != "v2" {
		t.Errorf("from the state: %+v", all)
	}
	if out := diagnose.Connections(capability.DiagnoseInput{Reported: all}); out.Top.Cause != capability.UnknownCause {
		t.Errorf("a change alone is %s", out.Top.Cause)
	}
}
