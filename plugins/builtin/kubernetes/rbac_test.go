package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/plugins"
)

// shipped applies a manifest of deploy/kubernetes, without what it grants of
// one resource, and returns the kubeconfig of its ServiceAccount.
func (p *plane) shipped(access, without string) (kubeconfig string) {
	p.Helper()
	text, err := os.ReadFile("../../../deploy/kubernetes/" + access + ".yaml")
	if err != nil {
		p.Fatal(err)
	}
	for docs := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc map[string]any
		if err := docs.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			p.Fatal(err)
		}
		group := "rbac.authorization.k8s.io/v1"
		if doc["kind"] == "ServiceAccount" {
			group = ""
		}
		raw := encode(p.T, doc)
		if without != "" && doc["kind"] == "Role" {
			for _, rule := range doc["rules"].([]any) {
				r := rule.(map[string]any)
				if strings.Contains(encode(p.T, r["resources"]), `"`+without+`"`) {
					r["verbs"] = []any{"deletecollection"} // a rule needs one
				}
			}
			raw = encode(p.T, doc)
		}
		p.ask("POST", p.at(group, strings.ToLower(doc["kind"].(string))+"s"), raw, nil)
	}
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(p.kubeconfig), &doc); err != nil {
		p.Fatal(err)
	}
	user := doc["users"].([]any)[0].(map[string]any)
	user["user"] = map[string]any{"token": p.token("firebreak-" + access)}
	return encode(p.T, doc)
}

// token is one of a ServiceAccount.
func (p *plane) token(account string) string {
	p.Helper()
	var token struct{ Status struct{ Token string } }
	p.ask("POST", p.at("", "serviceaccounts/"+account+"/token"), `{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}`, &token)
	return token.Status.Token
}

// With what is shipped, and nothing else, everything works.
func TestShippedRoles(t *testing.T) {
	for _, runs := range []kind{deployments, statefulSets} {
		t.Run(runs.title, func(t *testing.T) { testShippedRoles(t, runs) })
	}
}

func testShippedRoles(t *testing.T, runs kind) {
	p := startPlane(t)
	p.runs = runs
	p.configMap("api-settings", map[string]string{"db.pool.max": "50"}, nil)
	p.configMap("other", map[string]string{"a": "b"}, nil)
	p.deploy(2, "api:1", nil)
	p.steady()
	p.image("api:2")
	p.steady()
	p.set("db.pool.max", "20", "priya")
	read, mutate := p.shipped("read", ""), p.shipped("mutate", "")
	creds := map[string]any{"read": read, "mutate": mutate, strings.ToLower(p.runs.title): "api", "min_replicas": 1, "max_replicas": 3}
	for action, input := range map[string]string{"workload.status": `{}`, "settings.current": `{"setting": "db.pool.max"}`, "settings.changes": `{}`} {
		capability, section := "workload", p.section(creds)
		if strings.HasPrefix(action, "settings") {
			capability, section = "settings", p.section(map[string]any{"read": read, "mutate": mutate, "configmap": "api-settings"})
		}
		out := p.bind(capability, plugins.Read, section).Run(t.Context(), plugins.Call{Action: action, Input: json.RawMessage(input)}, &stream{})
		if out.Failure != nil {
			t.Errorf("%s: %v", action, out.Failure)
		}
		if action == "settings.changes" && len(p.changes(p.settings(map[string]any{"read": read, "mutate": read}), `{}`)) == 0 {
			t.Error("it sees no changes")
		}
	}
	w := p.bind("workload", plugins.Mutate, p.section(creds))
	for action, input := range map[string]string{"workload.restart": `{}`, "workload.rollback": `{}`, "workload.scale": `{"replicas": 3}`} {
		_, out := p.run(w, plugins.Call{Action: action, Input: json.RawMessage(input)})
		if out.Failure != nil {
			t.Errorf("%s: %v", action, out.Failure)
		}
		p.steady()
	}
	s := p.bind("settings", plugins.Mutate, p.section(map[string]any{"read": read, "mutate": mutate, "configmap": "api-settings"}))
	_, out := p.run(s, applyCall("s1", "db.pool.max", "50"))
	p.done(out, plugins.All)
	// Another object is out of reach.
	other := p.bind("settings", plugins.Mutate, p.section(map[string]any{"read": read, "mutate": mutate, "configmap": "other"}))
	_, err := other.Plan(t.Context(), applyCall("s2", "a", `"c"`))
	if f := plugins.AsFailure(err); f == nil || f.Class != plugins.Denied || !strings.Contains(f.Reason, `verb "get" on "configmaps"`) {
		t.Errorf("another ConfigMap: %v", err)
	}
}

// What is not granted is named as a rule would grant it, and nothing is
// changed.
func TestMissingVerbIsNamed(t *testing.T) {
	for of, c := range map[string]struct {
		runs                    kind
		action, input, verb, on string
	}{
		"pods/eviction":        {deployments, "workload.restart", `{}`, "create", "pods/eviction"},
		"replicasets":          {deployments, "workload.restart", `{}`, "list", "replicasets.apps"},
		"deployments/scale":    {deployments, "workload.scale", `{"replicas": 1}`, "patch", "deployments/scale.apps"},
		"poddisruptionbudgets": {deployments, "workload.restart", `{}`, "list", "poddisruptionbudgets.policy"},
		"statefulsets":         {statefulSets, "workload.restart", `{}`, "get", "statefulsets.apps"},
		"controllerrevisions":  {statefulSets, "workload.restart", `{}`, "list", "controllerrevisions.apps"},
		"statefulsets/scale":   {statefulSets, "workload.scale", `{"replicas": 1}`, "patch", "statefulsets/scale.apps"},
	} {
		t.Run(of, func(t *testing.T) {
			p := startPlane(t)
			p.runs = c.runs
			p.deploy(2, "api:1", nil)
			p.steady()
			w := p.workload(p.shipped("mutate", of))
			call := plugins.Call{ID: "x", Action: c.action, Input: json.RawMessage(c.input)}
			plan, err := w.Plan(t.Context(), call)
			f := plugins.AsFailure(err)
			if f == nil {
				call.Expect = plan.Fingerprint
				out := w.Run(t.Context(), call, &stream{})
				if f = out.Failure; out.Applied != plugins.None {
					t.Errorf("applied %s", out.Applied)
				}
			}
			if f == nil || f.Class != plugins.Denied || !strings.Contains(f.Reason, `verb "`+c.verb+`" on "`+c.on+`"`) {
				t.Errorf("failure %+v; it should name %s on %s", f, c.verb, c.on)
			}
			if n := len(p.pods.pods()); n != 2 {
				t.Errorf("%d pods were started, not 2", n)
			}
		})
	}
}
