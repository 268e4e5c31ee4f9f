package prometheus

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

// patient is the plugin that has the time that a busy machine takes.
func patient() plugin { return plugin{limits{answer: time.Minute, page: 20 * time.Second}} }

func TestMain(m *testing.M) { plugintest.Main(m, patient()) }

func TestConformance(t *testing.T) {
	r := newReplica(t)
	section := func(config string) host.Section {
		return host.Section{Service: "api", Capability: "metrics", Plugin: "prometheus", Config: json.RawMessage(config)}
	}
	plugintest.Run(t, plugintest.Self("prometheus"), plugintest.Cases{
		Sections: []host.Section{section(fmt.Sprintf(`{"targets":[%q]}`, r.URL))},
		Refused: []plugintest.Refused{
			{Section: section(`{"urls":"http://127.0.0.1"}`), Key: "urls"},
			{Section: section(`{}`), Key: "targets"},
		},
		Reads: []plugintest.Read{
			{Service: "api", Action: actionPool, Input: json.RawMessage(`{}`), Check: func(t *testing.T, raw json.RawMessage) {
				var out capability.PoolOutput
				if err := json.Unmarshal(raw, &out); err != nil || out.Now.Max == nil || *out.Now.Max != 10 {
					t.Errorf("%s: %v", raw, err)
				}
			}},
			{Service: "api", Action: actionQuery, Input: json.RawMessage(`{"query":"pgxpool_max_conns"}`)},
			{Service: "api", Action: actionHealth, Input: json.RawMessage(`{}`), Class: plugins.Inconclusive},
		},
	})
}
