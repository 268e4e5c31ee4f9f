package kubernetes

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	p := startPlane(t)
	p.configMap("api-settings", map[string]string{"db.pool.max": "20", "cache.ttl": "30s"}, nil)
	p.deploy(2, "api:1", nil)
	p.steady()
	p.image("api:2")
	p.old()

	value := func(*testing.T) string {
		var m corev1.ConfigMap
		p.ask("GET", p.at("", "configmaps/api-settings"), "", &m)
		return m.Data["db.pool.max"]
	}
	elsewhere := func(t *testing.T) {
		p.set("db.pool.max", "21", "kubectl")
		t.Cleanup(func() { p.set("db.pool.max", "20", "kubectl") })
	}
	w := p.workload("")
	look := func(see func(*fleet) string) func(*testing.T) string {
		return func(t *testing.T) string {
			p.old()
			f, err := w.fleet(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return see(f)
		}
	}
	pods := look(func(f *fleet) string { return f.fingerprint() })
	images := look(func(f *fleet) string { return f.set.template.Spec.Containers[0].Image })
	replicas := look(func(f *fleet) string { return scaleFingerprint(f.set.replicas) })
	section := func(capability string, more map[string]any) host.Section {
		return host.Section{Service: "api", Capability: capability, Plugin: "kubernetes", Config: p.section(more)}
	}
	change := `{"id": "x", "setting": "db.pool.max", "before": 50, "after": 20, "at": "2024-07-15T10:20:00Z", "author": "a", "title": "t", "revision": "r"}`
	plugintest.Run(t, plugintest.Self("kubernetes"), plugintest.Cases{
		Sections: []host.Section{
			section("workload", map[string]any{"deployment": "api", "min_replicas": 1, "max_replicas": 4}),
			section("settings", map[string]any{"configmap": "api-settings"}),
		},
		Refused: []plugintest.Refused{
			{Section: section("workload", map[string]any{"deployment": ""}), Key: "deployment"},
			{Section: section("workload", map[string]any{"deployment": "api", "max_replicas": 3}), Key: "min_replicas"},
			{Section: section("workload", map[string]any{"deployment": "api", "namespace": "Not A Name"}), Key: "namespace"},
			{Section: section("settings", map[string]any{"configmap": "api-settings", "read": "no kubeconfig"}), Key: "read"},
			{Section: section("settings", map[string]any{"configmap": "api-settings", "mutate": ""}), Key: "mutate", Access: plugins.Mutate},
		},
		Reads: []plugintest.Read{
			{Service: "api", Action: "settings.changes", Input: json.RawMessage(`{}`)},
			{Service: "api", Action: "settings.current", Input: json.RawMessage(`{"setting": "db.pool.max"}`)},
			{Service: "api", Action: "workload.status", Input: json.RawMessage(`{}`)},
		},
		Mutations: []plugintest.Mutation{
			{Service: "api", Action: "settings.apply", Input: json.RawMessage(`{"setting": "db.pool.max", "value": 60}`), State: value, Drift: elsewhere},
			{Service: "api", Action: "settings.rollback", Input: json.RawMessage(`{"change": ` + change + `}`), State: value, Drift: elsewhere},
			{Service: "api", Action: "workload.restart", Input: json.RawMessage(`{"waves": ["100%"]}`), State: pods, Drift: func(*testing.T) {
				f, err := w.fleet(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				p.ask("DELETE", p.at("", "pods/"+f.pods[0].Name), "", nil)
			}},
			{Service: "api", Action: "workload.rollback", Input: json.RawMessage(`{}`), State: images, Drift: func(t *testing.T) {
				p.image("api:3")
				t.Cleanup(func() { p.image("api:2") })
			}},
			{Service: "api", Action: "workload.scale", Input: json.RawMessage(`{"replicas": 3}`), State: replicas, Drift: func(t *testing.T) {
				p.change(`{"spec": {"replicas": 4}}`)
				t.Cleanup(func() { p.change(`{"spec": {"replicas": 2}}`) })
			}},
		},
	})
}
