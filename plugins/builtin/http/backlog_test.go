package http

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// admin is one replica's admin endpoint: what it answers, by path.
func admin(t *testing.T, status, shed string, code int) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Admin") != "yes" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path == "/backlog" && r.Method == http.MethodGet {
			fmt.Fprint(w, status)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || string(body) != `{"older_than":"1s","for":"3s"}` {
			t.Errorf("%s %s %s", r.Method, r.URL, body)
		}
		if code == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		w.WriteHeader(code)
		fmt.Fprint(w, shed)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func section(t *testing.T, replicas ...string) string {
	t.Helper()
	status, shed := []string{}, []string{}
	for _, r := range replicas {
		status, shed = append(status, r+"/backlog"), append(shed, r+"/backlog/shed")
	}
	raw, err := json.Marshal(map[string]any{"status": status, "shed": shed, "headers": map[string]string{"X-Admin": "yes"}})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

const shedInputJSON = `{"older_than": "1s"}`

func TestBacklogIsSummed(t *testing.T) {
	one := admin(t, `{"waiting": 3, "oldest_s": 1.5, "shedding": false}`, `{"cancelled": 3, "refused": 1, "until": "2026-01-01T00:00:03Z"}`, 200)
	two := admin(t, `{"waiting": 0, "oldest_s": null, "shedding": true}`, `{"cancelled": 4, "refused": 0, "until": "2026-01-01T00:00:05Z"}`, 200)
	b := bind(t, "backlog", section(t, one, two), plugins.Mutate)
	out := b.Run(t.Context(), call("backlog.status", ``), quiet{})
	if got := decode[capability.BacklogOutput](t, out.Outputs); out.Failure != nil || got.Waiting != 3 || *got.OldestS != 1.5 || !got.Shedding {
		t.Errorf("status %+v, %v", got, out.Failure)
	}
	plan, err := b.Plan(t.Context(), call("backlog.shed", shedInputJSON))
	if err != nil || plan.BlastRadius.Affected != 3 || !strings.Contains(plan.Detail, "longer than 1s (3 waiting now, the oldest for 1.5 s)") {
		t.Errorf("plan %+v, %v", plan, err)
	}
	out = b.Run(t.Context(), call("backlog.shed", shedInputJSON), quiet{})
	if got := decode[capability.ShedOutput](t, out.Outputs); out.Failure != nil || out.Applied != plugins.All || got.Cancelled != 7 || got.Refused != 1 || got.Until.Second() != 5 {
		t.Errorf("shed %+v, %+v", got, out)
	}
	if r := b.Resource(); r != bind(t, "backlog", section(t, two, one), plugins.Mutate).Resource() || !strings.HasPrefix(r, "http:127.0.0.1:") {
		t.Errorf("resource %q", r)
	}
}

func TestShedJoinsTheEffects(t *testing.T) {
	const ok = `{"cancelled": 1, "refused": 0, "until": "2026-01-01T00:00:03Z"}`
	for _, tt := range []struct {
		name   string
		bodies []string
		codes  []int
		want   plugins.Applied
		class  string
	}{
		{"all", []string{ok, ok}, []int{200, 200}, plugins.All, ""},
		{"some", []string{ok, ""}, []int{200, 503}, plugins.Partial, plugins.Unavailable},
		{"none", []string{"", ""}, []int{403, 403}, plugins.None, plugins.Denied},
		{"one not known", []string{ok, ""}, []int{200, 502}, plugins.Unknown, plugins.Unavailable},
		{"one says nonsense", []string{ok, "done"}, []int{200, 200}, plugins.Unknown, plugins.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var replicas []string
			for i := range tt.bodies {
				replicas = append(replicas, admin(t, `{"waiting": 0}`, tt.bodies[i], tt.codes[i]))
			}
			out := bind(t, "backlog", section(t, replicas...), plugins.Mutate).Run(t.Context(), call("backlog.shed", shedInputJSON), quiet{})
			class := ""
			if out.Failure != nil {
				class = out.Failure.Class
			}
			if out.Applied != tt.want || class != tt.class {
				t.Errorf("applied %s, class %q; want %s, %q", out.Applied, class, tt.want, tt.class)
			}
			if (out.Receipt != nil) != (tt.want == plugins.All || tt.want == plugins.Partial || tt.want == plugins.Unknown) {
				t.Errorf("receipt %s", out.Receipt)
			}
		})
	}
}

func TestStatusOfAReplicaThatDoesNotAnswer(t *testing.T) {
	fine := admin(t, `{"waiting": 0}`, "", 200)
	nonsense := admin(t, `<html>`, "", 200)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for url, class := range map[string]string{nonsense: plugins.Invalid, gone.URL: plugins.Unavailable} {
		b := bind(t, "backlog", section(t, fine, url), plugins.Read)
		if out := b.Run(t.Context(), call("backlog.status", ``), quiet{}); out.Failure == nil || out.Failure.Class != class || out.Outputs != nil {
			t.Errorf("%+v, want class %s", out, class)
		}
		if b.Health(t.Context()) == nil {
			t.Error("it is healthy")
		}
	}
}

func TestBindRefuses(t *testing.T) {
	for _, tt := range []struct{ capability, section, key string }{
		{"backlog", `{}`, "status"},
		{"backlog", `{"status": "http://x/"}`, "shed"},
		{"backlog", `{"status": [], "shed": "http://x/"}`, "list of URLs"},
		{"backlog", `{"status": "x", "shed": "http://x/"}`, "not a http or https URL"},
		{"backlog", `{"status": "http://x/", "shed": "http://x/", "header": {}}`, "header"},
		{"", `{"origins": {"http://x/path": {}}}`, "origins"},
		{"", `{"origins": {"x": {}}}`, "origins"},
		{"metrics", `{}`, "metrics"},
	} {
		_, err := New().Bind(plugins.Binding{Capability: tt.capability, Access: plugins.Mutate, Config: json.RawMessage(tt.section)})
		if err == nil || !strings.Contains(err.Error(), tt.key) {
			t.Errorf("%s: %v, want %q", tt.section, err, tt.key)
		}
	}
}
