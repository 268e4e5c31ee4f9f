package postgres

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	needServer(t)
	secret := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(secret, []byte(dsn("monitor", "appdb", port)), 0o600); err != nil {
		t.Fatal(err)
	}
	section := func(config string) host.Section {
		return host.Section{Service: "api", Capability: "database", Plugin: "postgres", Config: json.RawMessage(config)}
	}
	plugintest.Run(t, plugintest.Self("postgres"), plugintest.Cases{
		Sections: []host.Section{section(fmt.Sprintf(`{"read":{"secret":"file:%s"}}`, secret))},
		Refused: []plugintest.Refused{
			{Section: section(`{}`), Key: "read"},
			{Section: section(`{"reed":"x"}`), Key: "reed"},
		},
		Reads: []plugintest.Read{{
			Service: "api", Action: actionConnections, Input: json.RawMessage(`{}`),
			Check: func(t *testing.T, raw json.RawMessage) {
				var out capability.ConnectionsOutput
				if err := json.Unmarshal(raw, &out); err != nil || out.Limits.Max != maxConnections {
					t.Errorf("%s: %v", raw, err)
				}
			},
		}},
	})
}
