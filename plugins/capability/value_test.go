package capability_test

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// TestZeroOutputsAreValid holds that an output in which nothing was found is
// valid JSON of its contract: no list is null.
func TestZeroOutputsAreValid(t *testing.T) {
	outputs := map[string]any{
		"backlog.shed":         capability.ShedOutput{},
		"backlog.status":       capability.BacklogOutput{},
		"database.cancel":      capability.SessionsOutput{},
		"database.configure":   capability.ConfigureOutput{},
		"database.limit":       capability.LimitOutput{},
		"database.terminate":   capability.SessionsOutput{},
		"database.connections": capability.ConnectionsOutput{},
		"diagnose.connections": capability.DiagnoseOutput{Top: capability.Finding{Cause: capability.UnknownCause}},
		"metrics.health":       capability.HealthOutput{},
		"metrics.pool":         capability.PoolOutput{},
		"metrics.query":        capability.QueryOutput{},
		"pooler.pause":         capability.PauseOutput{},
		"pooler.reload":        capability.ReloadOutput{},
		"pooler.resize":        capability.ResizeOutput{Limit: capability.PoolSize},
		"pooler.resume":        capability.ResumeOutput{},
		"pooler.status":        capability.PoolerOutput{},
		"settings.apply":       capability.ApplyOutput{},
		"settings.changes":     capability.ChangesOutput{},
		"settings.current":     capability.CurrentOutput{},
		"settings.rollback":    capability.ApplyOutput{},
		"workload.restart":     capability.RestartOutput{},
		"workload.rollback":    capability.RevertOutput{},
		"workload.scale":       capability.ScaleOutput{},
		"workload.status":      capability.StatusOutput{},
	}
	for _, a := range capability.All() {
		raw, err := json.Marshal(outputs[a.Name])
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			t.Fatal(err)
		}
		resolved, err := schema(t, a.Output).Resolve(&jsonschema.ResolveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := resolved.Validate(value); err != nil {
			t.Errorf("%s: %s: %v", a.Name, raw, err)
		}
	}
}

func TestScalarRoundTrip(t *testing.T) {
	for raw, want := range map[string]any{ // in and out are the same bytes
		`null`: nil, `true`: true, `20`: int64(20), `-1`: int64(-1), `0.5`: 0.5, `"20"`: "20", `""`: "", `1e400`: nil,
	} {
		var s capability.Scalar
		err := json.Unmarshal([]byte(raw), &s)
		if raw == `1e400` {
			if err == nil {
				t.Errorf("%s was read as %v", raw, s)
			}
			continue
		}
		if err != nil || s.Value() != want {
			t.Errorf("%s: %v, %v", raw, s.Value(), err)
		}
		back, err := json.Marshal(s)
		if err != nil || string(back) != raw {
			t.Errorf("%s came back as %s, %v", raw, back, err)
		}
	}
	var s capability.Scalar
	if err := json.Unmarshal([]byte(`[1]`), &s); err == nil {
		t.Error("a list was read as a scalar")
	}
}

func TestScalarOf(t *testing.T) {
	twenty, err := capability.ScalarOf(20)
	if err != nil {
		t.Fatal(err)
	}
	same, err := capability.ScalarOf(uint8(20))
	if err != nil || twenty != same {
		t.Errorf("%v != %v, %v", twenty, same, err)
	}
	if f, err := capability.ScalarOf(20.0); err != nil || f != twenty {
		t.Errorf("20.0 is %v, %v", f.Value(), err)
	}
	if n, ok := twenty.Number(); !ok || n != 20 {
		t.Errorf("number %v, %v", n, ok)
	}
	if _, err := capability.ScalarOf([]int{1}); err == nil {
		t.Error("a list is a scalar")
	}
	if _, err := capability.ScalarOf(math.NaN()); err == nil {
		t.Error("NaN is a scalar")
	}
	if zero := (capability.Scalar{}); !zero.IsNull() || zero.String() != "null" {
		t.Errorf("zero is %v", zero)
	}
}

func TestWaves(t *testing.T) {
	for _, c := range []struct {
		wave  capability.Wave
		total int
		want  int
	}{
		{capability.Count(1), 5, 1}, {capability.Count(9), 5, 5}, {capability.Percent(25), 5, 2},
		{capability.Percent(25), 4, 1}, {capability.Percent(100), 5, 5}, {capability.Percent(1), 1, 1}, {capability.Percent(25), 0, 0},
	} {
		if have := c.wave.Of(c.total); have != c.want {
			t.Errorf("%s of %d is %d, want %d", c.wave, c.total, have, c.want)
		}
	}
	raw := `[1,"25%"]`
	var waves []capability.Wave
	if err := json.Unmarshal([]byte(raw), &waves); err != nil {
		t.Fatal(err)
	}
	if back, err := json.Marshal(waves); err != nil || string(back) != raw {
		t.Errorf("%s came back as %s, %v", raw, back, err)
	}
}

func TestCut(t *testing.T) {
	count, percent := capability.Count, capability.Percent
	for _, c := range []struct {
		done, total int
		waves       []capability.Wave
		want        []int
	}{
		{0, 5, []capability.Wave{count(1), percent(25), percent(100)}, []int{1, 1, 3}},
		{0, 1, []capability.Wave{count(1), percent(25), percent(100)}, []int{1}},
		{0, 20, []capability.Wave{count(1), percent(25), percent(100)}, []int{1, 4, 15}},
		{0, 3, []capability.Wave{percent(34), percent(34)}, []int{2}},
		{0, 2, []capability.Wave{count(5)}, []int{2}},
		{0, 4, []capability.Wave{percent(100), count(1)}, []int{4}},
		{1, 4, []capability.Wave{percent(25)}, nil},
		{1, 4, []capability.Wave{percent(50), percent(100)}, []int{1, 2}},
		{3, 3, []capability.Wave{percent(100)}, nil},
	} {
		if have := capability.Cut(c.waves, c.done, c.total); !slices.Equal(have, c.want) {
			t.Errorf("%d replicas in %v, %d done: %v, want %v", c.total, c.waves, c.done, have, c.want)
		}
	}
}

func TestAllAtOnceNeedsAReason(t *testing.T) {
	for _, c := range []struct {
		n, total int
		why      string
		refused  bool
	}{
		{3, 3, "", true}, {2, 2, "", true}, {3, 3, "nobody is served anyway", false}, {2, 3, "", false}, {1, 1, "", false}, {0, 0, "", false},
	} {
		err := capability.AllAtOnce(c.n, c.total, c.why)
		if refused := err != nil && plugins.AsFailure(err).Class == plugins.Denied; refused != c.refused {
			t.Errorf("%d of %d, %q: %v", c.n, c.total, c.why, err)
		}
	}
}

func TestPoolOutputRoundTrip(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	ten, rate := 10, 0.25
	want := capability.PoolOutput{
		Observed: capability.Observed{ObservedAt: at, Resource: "metrics:a"},
		Now:      capability.Window{From: at, To: at.Add(time.Second), Samples: 2, ErrorRate: &rate, Waiting: &ten},
		Onset:    &at,
		Replicas: capability.List[capability.PoolReplica]{{Name: "a", Max: 10}},
		Silent:   capability.List[string]{},
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var have capability.PoolOutput
	if err := json.Unmarshal(raw, &have); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("have %+v\nwant %+v", have, want)
	}
}
