package capability_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func TestInputFillsDefaults(t *testing.T) {
	pool, err := capability.Input[capability.PoolInput]("metrics.pool", nil)
	if err != nil || pool.Window.Std() != 10*time.Second {
		t.Errorf("pool %+v, %v", pool, err)
	}
	pool, err = capability.Input[capability.PoolInput]("metrics.pool", json.RawMessage(`{"window":"1m30s"}`))
	if err != nil || pool.Window.Std() != 90*time.Second {
		t.Errorf("pool %+v, %v", pool, err)
	}
	changes, err := capability.Input[capability.ChangesInput]("settings.changes", json.RawMessage(`{"limit":7}`))
	if err != nil || changes.Since.Std() != 2*time.Hour || changes.Limit != 7 {
		t.Errorf("changes %+v, %v", changes, err)
	}
	restart, err := capability.Input[capability.RestartInput]("workload.restart", json.RawMessage(`{}`))
	want := []capability.Wave{capability.Count(1), capability.Percent(25), capability.Percent(100)}
	if err != nil || !reflect.DeepEqual(restart.Waves, want) {
		t.Errorf("restart %+v, %v", restart, err)
	}
	restart, err = capability.Input[capability.RestartInput]("workload.restart", json.RawMessage(`{"waves":["100%"]}`))
	if err != nil || len(restart.Waves) != 1 || restart.Waves[0] != capability.Percent(100) {
		t.Errorf("restart %+v, %v", restart, err)
	}
}

func TestInputKeepsIntegers(t *testing.T) {
	in, err := capability.Input[capability.ApplyInput]("settings.apply", json.RawMessage(`{"setting":"a","value":9007199254740993}`))
	if err != nil || in.Value.Value() != int64(9007199254740993) {
		t.Errorf("value %v, %v", in.Value.Value(), err)
	}
}

func TestInputRefuses(t *testing.T) {
	for _, c := range []struct{ action, raw, names string }{
		{"metrics.pool", `{"windw":"1s"}`, "windw"},
		{"metrics.pool", `{"window":10}`, "window"},
		{"metrics.pool", `{"window":"ten"}`, "ten"},
		{"metrics.pool", `{"window":"-3s"}`, "negative"},
		{"metrics.pool", `[]`, "object"},
		{"metrics.pool", `{`, "metrics.pool"},
		{"settings.apply", `{"setting":"a"}`, "value"},
		{"settings.apply", `{"setting":"a","value":null}`, "value"},
		{"settings.apply", `{"setting":"a","value":{"b":1}}`, "value"},
		{"workload.restart", `{"waves":["0%"]}`, "waves"},
		{"workload.restart", `{"waves":[0]}`, "waves"},
		{"workload.restart", `{"waves":[]}`, "waves"},
		{"diagnose.connections", `{"pool":null,"database":null}`, "changes"},
	} {
		t.Run(c.action+c.raw, func(t *testing.T) {
			var err error
			switch c.action {
			case "metrics.pool":
				_, err = capability.Input[capability.PoolInput](c.action, json.RawMessage(c.raw))
			case "settings.apply":
				_, err = capability.Input[capability.ApplyInput](c.action, json.RawMessage(c.raw))
			case "workload.restart":
				_, err = capability.Input[capability.RestartInput](c.action, json.RawMessage(c.raw))
			case "diagnose.connections":
				_, err = capability.Input[capability.DiagnoseInput](c.action, json.RawMessage(c.raw))
			}
			var f *plugins.Failure
			if !errors.As(err, &f) || f.Class != plugins.Invalid || !strings.Contains(f.Reason, c.names) {
				t.Errorf("error %v, want class invalid naming %q", err, c.names)
			}
		})
	}
}
