package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, plugin{}) }

func TestConformance(t *testing.T) {
	file := filepath.Join(t.TempDir(), "settings.json")
	put := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(`{"db.pool.max": 20}`)
	plugintest.Run(t, plugintest.Self("jsonfile"), plugintest.Cases{
		Sections: []host.Section{{
			Service: "api", Capability: "settings", Plugin: "jsonfile", Config: json.RawMessage(`{"file": "` + file + `"}`),
		}},
		Refused: []plugintest.Refused{{
			Section: host.Section{Service: "api", Capability: "settings", Plugin: "jsonfile", Config: json.RawMessage(`{"file": "here"}`)},
			Key:     "file",
		}},
		Reads: []plugintest.Read{{Service: "api", Action: "settings.current", Input: json.RawMessage(`{"setting": "db.pool.max"}`)}},
		Mutations: []plugintest.Mutation{{
			Service: "api", Action: "settings.apply", Input: json.RawMessage(`{"setting": "db.pool.max", "value": 50}`),
			State: func(t *testing.T) string {
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var all map[string]capability.Scalar
				if err := json.Unmarshal(raw, &all); err != nil {
					t.Fatal(err)
				}
				return all["db.pool.max"].String()
			},
			Drift: func(t *testing.T) {
				put(`{"db.pool.max": 21}`)
				t.Cleanup(func() { put(`{"db.pool.max": 20}`) })
			},
		}},
	})
}
