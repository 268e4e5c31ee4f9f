package diagnose

import (
	"encoding/json"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, New()) }

func TestConformance(t *testing.T) {
	input, err := json.Marshal(made(poolLowered, culprit))
	if err != nil {
		t.Fatal(err)
	}
	plugintest.Run(t, plugintest.Self("diagnose"), plugintest.Cases{
		Sections: []host.Section{{Plugin: "diagnose", Config: json.RawMessage(`{}`)}},
		Refused:  []plugintest.Refused{{Section: host.Section{Plugin: "diagnose", Config: json.RawMessage(`{"speed":9}`)}, Key: "speed"}},
		Reads: []plugintest.Read{
			{Action: actionConnections, Input: input, Check: func(t *testing.T, raw json.RawMessage) {
				var out capability.DiagnoseOutput
				if err := json.Unmarshal(raw, &out); err != nil || out.Top.Cause != capability.AppPoolTooSmall {
					t.Errorf("%s: %v", raw, err)
				}
			}},
			{Action: actionConnections, Input: json.RawMessage(`{"pool":null,"database":null,"changes":null}`)},
			{Action: actionConnections, Input: json.RawMessage(`{}`), Class: plugins.Invalid},
		},
	})
}
