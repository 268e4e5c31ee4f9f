package processes

import (
	"encoding/json"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	f := startFleet(t, 2)
	plugintest.Run(t, plugintest.Self("processes"), plugintest.Cases{
		Sections: []host.Section{{Service: "api", Capability: "workload", Plugin: "processes", Config: f.section()}},
		Refused: []plugintest.Refused{
			{Section: host.Section{Service: "x", Capability: "workload", Plugin: "processes", Config: json.RawMessage(`{"pidfiles": []}`)}, Key: "pidfiles"},
		},
		Reads: []plugintest.Read{{Service: "api", Action: "workload.status", Input: json.RawMessage(`{}`)}},
		Mutations: []plugintest.Mutation{{
			Service: "api", Action: "workload.restart", Input: json.RawMessage(`{"waves": ["50%", "100%"], "ready_within": "1h"}`),
			State: func(*testing.T) string { return f.processes() },
			Drift: func(*testing.T) { f.kill("api-0") },
		}},
	})
}
