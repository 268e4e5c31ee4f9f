package kubernetes

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
)

// inPod gives this process what a pod finds of itself: the ServiceAccount that
// the shipped manifests make, both Roles bound to it, and the server's address.
func (p *plane) inPod(without string) plugins.Plugin {
	p.Helper()
	p.shipped("read", "")
	p.shipped("mutate", without)
	p.ask("POST", p.at("rbac.authorization.k8s.io/v1", "rolebindings"), `{"metadata": {"name": "both"},
		"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "firebreak-read"},
		"subjects": [{"kind": "ServiceAccount", "name": "firebreak-mutate", "namespace": "`+p.namespace+`"}]}`, nil)
	account := p.TempDir()
	ca := p.config.CAData
	if len(ca) == 0 {
		var err error
		if ca, err = os.ReadFile(p.config.CAFile); err != nil {
			p.Fatal(err)
		}
	}
	for name, text := range map[string]string{"token": p.token("firebreak-mutate"), "ca.crt": string(ca), "namespace": p.namespace} {
		if err := os.WriteFile(filepath.Join(account, name), []byte(text), 0o600); err != nil {
			p.Fatal(err)
		}
	}
	at, err := url.Parse(p.config.Host)
	if err != nil {
		p.Fatal(err)
	}
	p.Setenv("KUBERNETES_SERVICE_HOST", at.Hostname())
	p.Setenv("KUBERNETES_SERVICE_PORT", at.Port())
	return plugin{account: account}
}

func (p *plane) bindInPod(in plugins.Plugin, capability string, more map[string]any) plugins.Bound {
	p.Helper()
	section := map[string]any{"namespace": p.namespace}
	merge(section, more)
	b, err := in.Bind(plugins.Binding{Service: "api", Capability: capability, Access: plugins.Mutate, Config: json.RawMessage(encode(p.T, section))})
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = b.Close() })
	return b
}

// Inside a pod no kubeconfig is named: with its ServiceAccount, and the roles
// that are shipped, all of it works.
func TestInsideAPod(t *testing.T) {
	for _, runs := range []kind{deployments, statefulSets} {
		t.Run(runs.title, func(t *testing.T) {
			p := startPlane(t)
			p.runs = runs
			p.configMap("api-settings", map[string]string{"db.pool.max": "20"}, nil)
			p.deploy(2, "api:1", nil)
			p.steady()
			p.image("api:2")
			p.steady()
			in := p.inPod("")
			w := p.bindInPod(in, "workload", map[string]any{strings.ToLower(runs.title): "api", "min_replicas": 1, "max_replicas": 3})
			s := p.bindInPod(in, "settings", map[string]any{"configmap": "api-settings"})
			if out := w.Run(t.Context(), plugins.Call{Action: "workload.status", Input: json.RawMessage(`{}`)}, &stream{}); out.Failure != nil {
				t.Error(out.Failure)
			}
			if got := p.changes(s.(*settings), `{}`); len(got) == 0 {
				t.Error("it sees no changes")
			}
			_, out := p.run(s, applyCall("s1", "db.pool.max", "50"))
			p.done(out, plugins.All)
			for _, c := range [][2]string{{"workload.restart", `{}`}, {"workload.restart", `{"strategy": "rollout"}`}, {"workload.rollback", `{}`}, {"workload.scale", `{"replicas": 3}`}} {
				_, out := p.run(w, plugins.Call{ID: c[0] + c[1], Action: c[0], Input: json.RawMessage(c[1])})
				if out.Failure != nil {
					t.Errorf("%s %s: %v", c[0], c[1], out.Failure)
				}
				p.steady()
			}
		})
	}
}

// What the pod's account may not do is named, and a token that the server does
// not know is said to be none.
func TestInsideAPodWithoutRights(t *testing.T) {
	p := startPlane(t)
	p.deploy(2, "api:1", nil)
	p.steady()
	in := p.inPod("pods/eviction")
	w := p.bindInPod(in, "workload", map[string]any{"deployment": "api"})
	_, out := p.run(w, restartCall("", `{}`))
	p.fails(out, plugins.Denied, plugins.None, `verb "create" on "pods/eviction"`)

	if err := os.WriteFile(filepath.Join(in.(plugin).account, "token"), []byte("a.b.c"), 0o600); err != nil {
		t.Fatal(err)
	}
	w = p.bindInPod(in, "workload", map[string]any{"deployment": "api"})
	out = w.Run(t.Context(), plugins.Call{Action: "workload.status", Input: json.RawMessage(`{}`)}, &stream{})
	p.fails(out, plugins.Denied, plugins.None, "does not accept the credential")
}

// Where there is no pod, what is needed is said.
func TestOutsideOfAPod(t *testing.T) {
	account := t.TempDir()
	bind := func() error {
		_, err := plugin{account: account}.Bind(plugins.Binding{Capability: "workload", Access: plugins.Read, Config: json.RawMessage(`{"namespace": "prod", "deployment": "api"}`)})
		return err
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if err := bind(); err == nil || !strings.Contains(err.Error(), "read: name a kubeconfig") || !strings.Contains(err.Error(), "token") {
		t.Errorf("without a token: %v", err)
	}
	if err := os.WriteFile(filepath.Join(account, "token"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := bind(); err == nil || !strings.Contains(err.Error(), "KUBERNETES_SERVICE_HOST") {
		t.Errorf("without an address: %v", err)
	}
}
