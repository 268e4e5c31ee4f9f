package git

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, New()) }

func TestConformance(t *testing.T) {
	eachKind(t, func(t *testing.T, r *repo) {
		revision := r.setMax(50, 20, "Tune")
		section := host.Section{Service: "api", Capability: "settings", Plugin: "git", Config: json.RawMessage(fmt.Sprintf(`{"repo": %q, "path": "api/pool.yaml"}`, r.dir))}
		change := fmt.Sprintf(`{"id": "x", "setting": "db.pool.max", "before": 50, "after": 20, "at": "2024-07-15T10:20:00Z", "author": "a", "title": "t", "revision": %q}`, revision)
		state := func(*testing.T) string {
			for line := range strings.Lines(r.file()) {
				if strings.Contains(line, "max:") {
					return line
				}
			}
			return ""
		}
		byHand := func(from, to string) {
			if r.bare {
				r.git(r.work, "pull", "-q", "--rebase", "origin", "main")
			}
			r.commit("By hand", map[string]string{"api/pool.yaml": strings.Replace(r.file(), from, to, 1)})
		}
		// Another value for as long as the case lasts.
		drift := func(t *testing.T) {
			byHand("max: 20", "max: 21")
			t.Cleanup(func() { byHand("max: 21", "max: 20") })
		}
		plugintest.Run(t, plugintest.Self("git"), plugintest.Cases{
			Sections: []host.Section{section},
			Refused: []plugintest.Refused{
				{Section: host.Section{Service: "x", Capability: "settings", Plugin: "git", Config: json.RawMessage(`{"repo": "/nowhere", "path": "a"}`)}, Key: "repo"},
				{Section: host.Section{Service: "x", Capability: "settings", Plugin: "git", Config: json.RawMessage(fmt.Sprintf(`{"repo": %q, "path": "/a"}`, r.dir))}, Key: "path"},
			},
			Reads: []plugintest.Read{
				{Service: "api", Action: "settings.current", Input: json.RawMessage(`{"setting": "db.pool.max"}`)},
				{Service: "api", Action: "settings.changes", Input: json.RawMessage(`{}`)},
			},
			Mutations: []plugintest.Mutation{
				{Service: "api", Action: "settings.apply", Input: json.RawMessage(`{"setting": "db.pool.max", "value": 60}`), State: state, Drift: drift},
				{Service: "api", Action: "settings.rollback", Input: json.RawMessage(`{"change": ` + change + `}`), State: state, Drift: drift},
			},
		})
	})
}
