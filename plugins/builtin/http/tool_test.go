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
)

type quiet struct{}

func (quiet) Progress(int, int, string) {}
func (quiet) Log(string, string)        {}

func bind(t *testing.T, capability, config string, access plugins.Effect) plugins.Bound {
	t.Helper()
	b, err := New().Bind(plugins.Binding{Service: "api", Capability: capability, Access: access, Config: json.RawMessage(config)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func call(action string, input string) plugins.Call {
	return plugins.Call{ID: "c1", Action: action, Input: json.RawMessage(input)}
}

func decode[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

// echo answers what it was asked, and some paths of its own.
func echo(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/there", http.StatusFound)
		case "/elsewhere":
			http.Redirect(w, r, "http://169.254.169.254/secret", http.StatusFound)
		case "/again":
			http.Redirect(w, r, "/again", http.StatusFound)
		case "/text":
			w.Header().Set("Set-Cookie", "session=secret")
			fmt.Fprint(w, "plain \xff text")
		case "/huge":
			fmt.Fprint(w, strings.Repeat("\x01", maxBody+10))
		default:
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			err = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "path": r.URL.Path, "body": string(body), "type": r.Header.Get("Content-Type"), "auth": r.Header.Get("Authorization"), "x": r.Header.Get("X-From")})
			if err != nil {
				t.Error(err)
			}
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestRequests(t *testing.T) {
	srv := echo(t)
	config := fmt.Sprintf(`{"origins": {%q: {"headers": {"Authorization": "Bearer s3cret"}}}}`, srv.URL)
	for _, tt := range []struct {
		name, action, input string // %s is the server
		class               string
		applied             plugins.Applied
		want                string // part of the outputs, or of the failure
	}{
		{"get", "http.get", `{"url": "%s/a", "headers": {"X-From": "me"}}`, "", plugins.None, `"x":"me"`},
		{"configured headers win", "http.get", `{"url": "%s/a", "headers": {"Authorization": "mine"}}`, "", plugins.None, `"auth":"Bearer s3cret"`},
		{"redirect on the host", "http.get", `{"url": "%s/here"}`, "", plugins.None, `"path":"/there"`},
		{"redirect to another host", "http.get", `{"url": "%s/elsewhere"}`, plugins.Invalid, plugins.None, "not followed"},
		{"redirect without end", "http.get", `{"url": "%s/again"}`, plugins.Invalid, plugins.None, "not followed"},
		{"text", "http.get", `{"url": "%s/text"}`, "", plugins.None, `"body":"plain � text"`},
		{"status that is not expected", "http.get", `{"url": "%s/a", "expect_status": 404}`, plugins.Invalid, plugins.None, "answered 200"},
		{"another origin", "http.get", `{"url": "http://example.com/"}`, plugins.Denied, plugins.None, "not allowed"},
		{"no URL", "http.get", `{"url": "x"}`, plugins.Invalid, plugins.None, "url:"},
		{"unknown input", "http.get", `{"url": "%s", "verb": "x"}`, plugins.Invalid, plugins.None, "verb"},
		{"post JSON", "http.request", `{"method": "POST", "url": "%s/a", "resource": "cdn:x", "body": {"purge": true}}`, "", plugins.All, `"body":"{\"purge\": true}"`},
		{"JSON has its type", "http.request", `{"method": "POST", "url": "%s/a", "resource": "cdn:x", "body": [1]}`, "", plugins.All, `"type":"application/json"`},
		{"put text", "http.request", `{"method": "PUT", "url": "%s/a", "resource": "cdn:x", "body": "as is"}`, "", plugins.All, `"body":"as is"`},
		{"no redirect for a mutation", "http.request", `{"method": "POST", "url": "%s/here", "resource": "cdn:x"}`, plugins.Invalid, plugins.Unknown, "not followed"},
		{"redirect that is expected", "http.request", `{"method": "POST", "url": "%s/here", "resource": "cdn:x", "expect_status": [302, 303]}`, "", plugins.All, `"status":302`},
		{"done, but not as expected", "http.request", `{"method": "POST", "url": "%s/a", "resource": "cdn:x", "expect_status": 202}`, plugins.Invalid, plugins.Unknown, "answered 200"},
		{"get is not a mutation", "http.request", `{"method": "GET", "url": "%s/a", "resource": "cdn:x"}`, plugins.Invalid, plugins.None, "http.get"},
		{"no resource", "http.request", `{"method": "POST", "url": "%s/a"}`, plugins.Invalid, plugins.None, "resource:"},
		{"unknown action", "http.fetch", `{}`, plugins.Invalid, plugins.None, "no action"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bind(t, "", config, plugins.Mutate)
			out := b.Run(t.Context(), call(tt.action, strings.ReplaceAll(tt.input, "%s", srv.URL)), quiet{})
			class, says := "", string(out.Outputs)
			if out.Failure != nil {
				class, says = out.Failure.Class, out.Failure.Reason
			}
			if class != tt.class || out.Applied != tt.applied || !strings.Contains(says, tt.want) {
				t.Errorf("class %q, applied %s, %s; want %q, %s and %s", class, out.Applied, says, tt.class, tt.applied, tt.want)
			}
			if strings.Contains(string(out.Outputs), "session=secret") {
				t.Error("a cookie is in the outputs")
			}
		})
	}
}

func TestHugeAnswerFits(t *testing.T) {
	out := bind(t, "", `{}`, plugins.Read).Run(t.Context(), call("http.get", `{"url": "`+echo(t).URL+`/huge"}`), quiet{})
	if got := decode[response](t, out.Outputs); out.Failure != nil || !got.Truncated || len(out.Outputs) > maxOutputs || len(*got.Body) < 10000 {
		t.Errorf("%d bytes of outputs, truncated %v, %v", len(out.Outputs), got.Truncated, out.Failure)
	}
}

func TestPlanShowsTheRequest(t *testing.T) {
	b := bind(t, "", `{"origins": {"http://127.0.0.1:1": {"headers": {"Authorization": "s3cret"}}}}`, plugins.Mutate)
	plan, err := b.Plan(t.Context(), call("http.request", `{"method": "POST", "url": "http://127.0.0.1:1/purge", "resource": "cdn:x", "headers": {"X-B": "2", "X-A": "1"}, "body": {"all": true}}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := "POST http://127.0.0.1:1/purge\nX-A: 1\nX-B: 2\n\n{\"all\": true}\n"; plan.Detail != want {
		t.Errorf("detail\n%s\nwant\n%s", plan.Detail, want)
	}
	if plan.Resource != "cdn:x" || strings.Contains(string(plan.Binding), "s3cret") {
		t.Errorf("plan %+v", plan)
	}
}

func TestReadBindingMayNotRequest(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer srv.Close()
	input := `{"method": "POST", "url": "` + srv.URL + `", "resource": "x"}`
	out := bind(t, "", `{}`, plugins.Read).Run(t.Context(), call("http.request", input), quiet{})
	if out.Failure == nil || out.Failure.Class != plugins.Denied || out.Applied != plugins.None {
		t.Errorf("%+v", out)
	}
	stop := make(chan struct{})
	close(stop)
	c := call("http.request", input)
	c.Stop = stop
	out = bind(t, "", `{}`, plugins.Mutate).Run(t.Context(), c, quiet{})
	if out.Failure == nil || out.Failure.Class != plugins.Cancelled || out.Applied != plugins.None {
		t.Errorf("stopped before: %+v", out)
	}
}

func TestStopCutsARead(t *testing.T) {
	stop, release := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(stop)
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	defer srv.Close()
	defer close(release)
	c := call("http.get", `{"url": "`+srv.URL+`", "timeout": "1m"}`)
	c.Stop = stop
	out := bind(t, "", `{}`, plugins.Read).Run(t.Context(), c, quiet{})
	if out.Failure == nil || out.Failure.Class != plugins.Cancelled || out.Applied != plugins.None {
		t.Errorf("%+v", out)
	}
}
