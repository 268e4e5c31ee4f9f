package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
	"github.com/firebreak-ops/firebreak/runbooks/drills/kubelet"
)

func TestMain(m *testing.M) { plugintest.Main(m, New()) }

// patience is how long a test waits for what must come.
const patience = 90 * time.Second

// plane is one namespace of a real control plane, with a node of its own.
type plane struct {
	*testing.T

	kubeconfig string // that of the plane's admin
	config     *rest.Config
	http       *http.Client
	namespace  string
	runs       kind // of what is called api
	pods       *sham
}

// startPlane finds the control plane, or says how to get one.
func startPlane(t *testing.T) *plane {
	t.Helper()
	file := os.Getenv("FIREBREAK_KUBECONFIG")
	if file == "" {
		t.Skip("needs a cluster: make test-kubernetes starts one, or FIREBREAK_KUBECONFIG names that of kind or k3d")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &plane{T: t, kubeconfig: string(text), runs: deployments, pods: &sham{}}
	if p.config, err = clientcmd.RESTConfigFromKubeConfig(text); err != nil {
		t.Fatal(err)
	}
	if p.http, err = rest.HTTPClientFor(p.config); err != nil {
		t.Fatal(err)
	}
	var made corev1.Namespace
	p.ask("POST", "/api/v1/namespaces", `{"metadata": {"generateName": "firebreak-test-"}}`, &made)
	p.namespace = made.Name
	// An admission controller waits for it.
	p.eventually("the namespace's ServiceAccount", func() bool {
		return p.try("GET", "/api/v1/namespaces/"+p.namespace+"/serviceaccounts/default", "", nil) == nil
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	gone, err := kubelet.Start(ctx, kubelet.Options{Config: p.config, Name: p.namespace, Runtime: p.pods})
	if err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		<-gone
		p.ask("DELETE", "/api/v1/namespaces/"+p.namespace, "", nil)
	})
	return p
}

// try sends one request as the plane's admin.
func (p *plane) try(method, path, body string, into any) error {
	req, err := http.NewRequest(method, p.config.Host+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if method == "PATCH" {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	res, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, said)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(said, into)
	}
	return err
}

func (p *plane) ask(method, path, body string, into any) {
	p.Helper()
	if err := p.try(method, path, body, into); err != nil {
		p.Fatal(err)
	}
}

// core, apps and so on are where things of the namespace are.
func (p *plane) at(group, resource string) string {
	root := "/apis/" + group
	if group == "" {
		root = "/api/v1"
	}
	return root + "/namespaces/" + p.namespace + "/" + resource
}

func (p *plane) eventually(what string, done func() bool) {
	p.Helper()
	for deadline := time.Now().Add(patience); !done(); {
		if time.Now().After(deadline) {
			p.Fatalf("%s never came", what)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-p.Context().Done():
			p.Fatal(p.Context().Err())
		}
	}
}

// deploy makes the Deployment, or StatefulSet, api. extra is merged into it.
func (p *plane) deploy(replicas int, image string, extra map[string]any) {
	p.Helper()
	d := map[string]any{
		"metadata": map[string]any{"name": "api"},
		"spec": map[string]any{
			"replicas": replicas, "selector": map[string]any{"matchLabels": map[string]any{"app": "api"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "api"}},
				"spec": map[string]any{
					"terminationGracePeriodSeconds": 5,
					"nodeSelector":                  map[string]any{corev1.LabelHostname: p.namespace},
					"tolerations":                   []any{map[string]any{"operator": "Exists"}},
					"containers":                    []any{map[string]any{"name": "api", "image": image}},
				},
			},
		},
	}
	if p.runs == deployments {
		merge(d, map[string]any{"spec": map[string]any{"progressDeadlineSeconds": 20}})
	}
	merge(d, extra)
	p.ask("POST", p.at("apps/v1", p.runs.resource), encode(p.T, d), nil)
}

// quota allows so many pods.
func (p *plane) quota(pods string) {
	p.Helper()
	p.ask("POST", p.at("", "resourcequotas"), `{"metadata": {"name": "pods"}, "spec": {"hard": {"pods": "`+pods+`"}}}`, nil)
	p.eventually("a quota that is known", func() bool {
		var q struct {
			Status struct{ Hard map[string]string }
		}
		p.ask("GET", p.at("", "resourcequotas/pods"), "", &q)
		return q.Status.Hard["pods"] == pods
	})
}

// change merges into api.
func (p *plane) change(patch string) {
	p.Helper()
	p.ask("PATCH", p.at("apps/v1", p.runs.resource+"/api"), patch, nil)
}

// image rolls out another image.
func (p *plane) image(image string) {
	p.Helper()
	p.change(`{"spec": {"template": {"spec": {"containers": [{"name": "api", "image": "` + image + `"}]}}}}`)
}

func merge(into, from map[string]any) {
	for key, value := range from {
		a, ok := into[key].(map[string]any)
		if b, both := value.(map[string]any); ok && both {
			merge(a, b)
			continue
		}
		into[key] = value
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// steady waits until api runs as it should.
func (p *plane) steady() {
	p.Helper()
	w := p.workload("")
	var f *fleet
	p.eventually("pods that are all ready", func() bool {
		var err error
		f, err = w.fleet(p.Context())
		return err == nil && f.set.complete && len(f.leaving) == 0 && f.newest() != nil
	})
}

// old waits until every pod started in an earlier second than now: the times
// of pods are whole seconds.
func (p *plane) old() {
	p.Helper()
	p.steady()
	w := p.workload("")
	p.eventually("a second that is over", func() bool {
		f, err := w.fleet(p.Context())
		if err != nil {
			return false
		}
		for i := range f.pods {
			if !startedAt(&f.pods[i]).Before(time.Now().Truncate(time.Second)) {
				return false
			}
		}
		return true
	})
}

// section is a section of firebreak.yaml for this namespace.
func (p *plane) section(more map[string]any) json.RawMessage {
	p.Helper()
	s := map[string]any{"read": p.kubeconfig, "mutate": p.kubeconfig, "namespace": p.namespace}
	merge(s, more)
	return json.RawMessage(encode(p.T, s))
}

func (p *plane) bind(capability string, access plugins.Effect, section json.RawMessage) plugins.Bound {
	p.Helper()
	b, err := New().Bind(plugins.Binding{Service: "api", Capability: capability, Access: access, Config: section})
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = b.Close() })
	return b
}

// workload is api, with the plane's own credential or another
// kubeconfig.
func (p *plane) workload(kubeconfig string) *workload {
	p.Helper()
	more := map[string]any{strings.ToLower(p.runs.title): "api", "min_replicas": 1, "max_replicas": 5}
	if kubeconfig != "" {
		more["read"], more["mutate"] = kubeconfig, kubeconfig
	}
	return p.bind("workload", plugins.Mutate, p.section(more)).(*workload)
}

func (p *plane) settings(more map[string]any) *settings {
	p.Helper()
	s := map[string]any{"configmap": "api-settings"}
	merge(s, more)
	return p.bind("settings", plugins.Mutate, p.section(s)).(*settings)
}

// configMap makes api-settings, or another one.
func (p *plane) configMap(name string, data map[string]string, more map[string]any) {
	p.Helper()
	m := map[string]any{"metadata": map[string]any{"name": name}, "data": data}
	merge(m, more)
	p.ask("POST", p.at("", "configmaps"), encode(p.T, m), nil)
}

func (p *plane) set(key, value, as string) {
	p.Helper()
	p.ask("PATCH", p.at("", "configmaps/api-settings")+"?fieldManager="+as, encode(p.T, map[string]any{"data": map[string]string{key: value}}), nil)
}

// stream collects what a call reports.
type stream struct {
	mu   sync.Mutex
	said []string
	each func(text string)
}

func (s *stream) Progress(_, _ int, text string) { s.Log("progress", text) }

func (s *stream) Log(_, text string) {
	s.mu.Lock()
	s.said = append(s.said, text)
	s.mu.Unlock()
	if s.each != nil {
		s.each(text)
	}
}

func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, "\n")
}

// run performs a call as it was planned.
func (p *plane) run(b plugins.Bound, call plugins.Call) (plugins.Plan, plugins.Outcome) {
	p.Helper()
	if call.ID == "" {
		call.ID = p.Name() + " " + call.Action
	}
	plan, err := b.Plan(p.Context(), call)
	if err != nil {
		p.Fatal(err)
	}
	call.Expect = plan.Fingerprint
	return plan, b.Run(p.Context(), call, &stream{})
}

func (p *plane) done(o plugins.Outcome, want plugins.Applied) {
	p.Helper()
	if o.Failure != nil || o.Applied != want {
		p.Fatalf("applied %s, failure %v; want %s", o.Applied, o.Failure, want)
	}
}

// fails says whether an outcome is of a class, and what its reason must name.
func (p *plane) fails(o plugins.Outcome, class string, applied plugins.Applied, names ...string) {
	p.Helper()
	if o.Failure == nil || o.Failure.Class != class || o.Applied != applied {
		p.Fatalf("applied %s, failure %+v; want class %s, applied %s", o.Applied, o.Failure, class, applied)
	}
	for _, name := range names {
		if !strings.Contains(o.Failure.Reason, name) {
			p.Errorf("the reason is %q; it should name %q", o.Failure.Reason, name)
		}
	}
}

func output[T any](t *testing.T, raw json.RawMessage) (out T) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return out
}

func (p *plane) status(w *workload) *capability.StatusOutput {
	p.Helper()
	out, err := w.status(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	return out
}
