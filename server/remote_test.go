package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
)

// remote is a server that other machines reach.
type remote struct {
	*testing.T

	url    string
	socket *client.Client
	now    time.Time
}

// takesSecret is who takes alerts in.
var takesSecret = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer s3cret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusAccepted)
})

func newRemote(t *testing.T, r *runs) *remote {
	t.Helper()
	m := &remote{T: t, now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
	cfg := config(t, r)
	cfg.Now = func() time.Time { return m.now }
	s, socket := serve(t, cfg)
	front := httptest.NewServer(s.Front(takesSecret))
	t.Cleanup(func() {
		s.HangUp()
		front.Close()
	})
	m.url, m.socket = front.URL, socket
	return m
}

// token makes one, of a person, or of a machine as machine:NAME.
func (m *remote) token(holder string, may ...server.Right) server.MadeToken {
	m.Helper()
	req := server.TokenRequest{Person: holder, May: may, Seconds: 3600}
	if name, ok := strings.CutPrefix(holder, server.MachinePrefix); ok {
		req.Person, req.Machine = "", name
	}
	t, err := m.socket.MakeToken(m.Context(), req)
	if err != nil {
		m.Fatal(err)
	}
	return t
}

// client is one of the holder of a token.
func (m *remote) client(token string) *client.Client {
	m.Helper()
	c, err := client.NewRemote(client.Remote{URL: m.url, Token: token})
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(c.Close)
	return c
}

// ask asks without the client.
func (m *remote) ask(method, path, body string, header ...string) answer {
	m.Helper()
	r, err := http.NewRequestWithContext(m.Context(), method, m.url+path, strings.NewReader(body))
	if err != nil {
		m.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() {
		_ = w.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return answer{w.StatusCode, w.Header, w.Body}
}

// answer is what a server has answered. Its body is closed with the test.
type answer struct {
	StatusCode int
	Header     http.Header
	Body       io.ReadCloser
}

func (m *remote) status(method, path, body string, header ...string) int {
	m.Helper()
	w := m.ask(method, path, body, header...)
	_, _ = io.Copy(io.Discard, w.Body)
	return w.StatusCode
}

// description is what the server says of itself.
func (m *remote) description() map[string]any {
	m.Helper()
	d := map[string]any{}
	if err := json.NewDecoder(m.ask("GET", "/v1/openapi.json", "").Body).Decode(&d); err != nil {
		m.Fatal(err)
	}
	return d
}

func within(v any, path ...string) any {
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// TestNothingWithoutAToken asks for everything that the description has: only
// what it says needs nothing is answered to nobody, to the holder of a token
// without the right, to a token that is over, and to one that is wrong.
func TestNothingWithoutAToken(t *testing.T) {
	m := newRemote(t, newRuns(t))
	none := m.token("alice", server.MayScrape)
	paths, _ := within(m.description(), "paths").(map[string]any)
	if len(paths) < 25 {
		t.Fatalf("%d paths", len(paths))
	}
	open := map[string]bool{"GET /v1/health": true, "GET /v1/ready": true, "GET /v1/openapi.json": true}
	for path, ops := range paths {
		all, _ := ops.(map[string]any)
		for method := range all {
			what := strings.ToUpper(method) + " " + path
			path := strings.NewReplacer("{id}", "r1", "{name}", "pause", "{source}", "am").Replace(path)
			ask := func(header ...string) int { return m.status(strings.ToUpper(method), path, "", header...) }
			if open[what] {
				if got := ask(); got != http.StatusOK {
					t.Errorf("%s is answered with %d", what, got)
				}
				continue
			}
			if got := ask(); got != http.StatusUnauthorized {
				t.Errorf("%s without a token is answered with %d", what, got)
			}
			want := http.StatusForbidden
			switch {
			case strings.HasPrefix(path, "/v1/tokens"), strings.HasSuffix(path, "/snapshot"):
				want = http.StatusNotFound // it is not there for other machines
			case path == "/v1/metrics":
				want = http.StatusNotFound // it lets do this, and there are none here
			case what == "POST /v1/alerts/{source}":
				want = http.StatusUnauthorized // a token is no secret of a source
			}
			if got := ask("Authorization", "Bearer "+none.Token); got != want {
				t.Errorf("%s with a token that lets do something else is answered with %d, not %d", what, got, want)
			}
		}
	}
	if got := m.status("GET", "/v1/nothing", ""); got != http.StatusUnauthorized {
		t.Errorf("what is not there is answered with %d", got)
	}
}

func TestTokensProve(t *testing.T) {
	m := newRemote(t, newRuns(t))
	ctx := t.Context()
	alice := m.token("alice", server.MayRead, server.MayAnswer)
	c := m.client(alice.Token)
	h, err := c.Health(ctx)
	if want := (&server.Caller{Person: "alice", Token: alice.ID, May: []server.Right{"read", "answer"}}); err != nil || !cmp.Equal(h.You, want) {
		t.Errorf("seen as %+v, %v", h.You, err)
	}
	if w := m.ask("GET", "/v1/health", ""); w.StatusCode != http.StatusOK {
		t.Errorf("health is %d", w.StatusCode)
	} else if body, err := io.ReadAll(w.Body); err != nil || string(body) != "{\"ok\":true}\n" {
		t.Errorf("nobody is told %s, %v", body, err)
	}
	_, secret, _ := strings.Cut(alice.Token, alice.ID)
	for name, text := range map[string]string{
		"another secret": "fb_" + alice.ID + secret[:len(secret)-1] + "?", "no secret": "fb_" + alice.ID + "_", "another token": "fb_" + "zzzzzzzz" + secret,
		"nonsense": "x", "nothing": "",
	} {
		if got := m.status("GET", "/v1/health", "", "Authorization", "Bearer "+text); got != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := m.status("GET", "/v1/runs", "", "Authorization", "Basic "+alice.Token); got != http.StatusUnauthorized {
		t.Errorf("not as a bearer: %d", got)
	}
	list, err := m.socket.Tokens(ctx)
	if err != nil || len(list) != 1 || list[0].State != "good" || list[0].Holder != "alice" || list[0].MadeBy != "alice" {
		t.Errorf("listed %+v, %v", list, err)
	}
	m.now = m.now.Add(time.Hour)
	var p *server.Problem
	if _, err := c.Runs(ctx, server.Query{}); !errors.As(err, &p) || p.Status != 401 || !strings.Contains(p.Text, "expired") {
		t.Errorf("when it is over: %v", err)
	}
	again := m.token("alice", server.MayRead)
	if err := m.socket.RevokeToken(ctx, again.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := m.client(again.Token).Runs(ctx, server.Query{}); !errors.As(err, &p) || p.Status != 401 || !strings.Contains(p.Text, "revoked") {
		t.Errorf("when it is revoked: %v", err)
	}
}

// TestRemoteSays holds that what is said over the network is said by the
// holder of the token, and that the engine decides whether it counts.
func TestRemoteSays(t *testing.T) {
	r := newRuns(t)
	m := newRemote(t, r)
	ctx := t.Context()
	robot := m.client(m.token("machine:robot", server.MayRead, server.MayRun, server.MayAnswer, server.MayStop).Token)
	var p *server.Problem
	if err := robot.Say(ctx, "r1", server.CancelRequest{Reason: "r"}); !errors.As(err, &p) || p.Status != 403 || !strings.Contains(p.Text, "machine:robot has no role") {
		t.Errorf("a machine without a role: %v", err)
	}
	if diff := cmp.Diff(engine.Input(engine.Cancel{By: "machine:robot", Reason: "r"}), r.last()); diff != "" {
		t.Errorf("the run was told (-want +got):\n%s", diff)
	}
	if id, err := robot.Start(ctx, server.StartRequest{Runbook: "pause"}); err != nil || id != "pause-by-machine:robot" {
		t.Errorf("started %s, %v", id, err)
	}
	if _, err := robot.Start(ctx, server.StartRequest{Runbook: "pause", Source: pause}); !errors.As(err, &p) || p.Status != 403 {
		t.Errorf("the text of a runbook is taken: %v", err)
	}
	if err := robot.Stop(ctx, server.StopRequest{Kind: engine.StopHalt}); err != nil || r.Standing()[0].By != "machine:robot" {
		t.Errorf("halted by %+v, %v", r.Standing(), err)
	}
	if err := m.client(m.token("alice", server.MayAnswer).Token).Say(ctx, "r1", server.CancelRequest{}); err != nil {
		t.Errorf("alice may not cancel: %v", err)
	}
}

func TestTokenRequests(t *testing.T) {
	m := newRemote(t, newRuns(t))
	for name, req := range map[string]server.TokenRequest{
		"nobody":      {May: []server.Right{server.MayRead}, Seconds: 1},
		"both":        {Person: "alice", Machine: "ci", May: []server.Right{server.MayRead}, Seconds: 1},
		"no name":     {Machine: "Argo CD", May: []server.Right{server.MayRead}, Seconds: 1},
		"no right":    {Person: "alice", Seconds: 1},
		"no such":     {Person: "alice", May: []server.Right{"all"}, Seconds: 1},
		"socket":      {Person: "alice", May: []server.Right{"socket"}, Seconds: 1},
		"for ever":    {Person: "alice", May: []server.Right{server.MayRead}, Seconds: 1e9},
		"no time":     {Person: "alice", May: []server.Right{server.MayRead}},
		"before long": {Person: "alice", May: []server.Right{server.MayRead}, Seconds: -1},
	} {
		var p *server.Problem
		if _, err := m.socket.MakeToken(t.Context(), req); !errors.As(err, &p) || p.Class != "invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLimits holds that who comes too often is told so, and nobody else is,
// and that wrong secrets cannot be tried out.
func TestLimits(t *testing.T) {
	m := newRemote(t, newRuns(t))
	much, other := m.token("alice", server.MayRead), m.token("alice", server.MayRead)
	get := func(token string) int { return m.status("GET", "/v1/stops", "", "Authorization", "Bearer "+token) }
	n := 0
	for ; n < 1000 && get(much.Token) == http.StatusOK; n++ {
	}
	w := m.ask("GET", "/v1/stops", "", "Authorization", "Bearer "+much.Token)
	if n != 100 || w.StatusCode != http.StatusTooManyRequests || w.Header.Get("Retry-After") == "" {
		t.Errorf("after %d requests: %d", n, w.StatusCode)
	}
	if get(other.Token) != http.StatusOK {
		t.Error("another token is refused, too")
	}
	m.now = m.now.Add(time.Second)
	if get(much.Token) != http.StatusOK {
		t.Error("a second later it is still refused")
	}

	wrong := "fb_" + other.ID + "_wrong"
	for n = 0; n < 1000 && get(wrong) == http.StatusUnauthorized; n++ {
	}
	if n != 20 || get(other.Token) != http.StatusTooManyRequests {
		t.Errorf("%d secrets can be tried; then the right one is answered with %d", n, get(other.Token))
	}
	if get(much.Token) != http.StatusOK {
		t.Error("another token is refused, too")
	}
	m.now = m.now.Add(2 * time.Second)
	if get(other.Token) != http.StatusOK {
		t.Error("the right one stays refused")
	}

	alert := func(source, secret string) int {
		return m.status("POST", "/v1/alerts/"+source, "{}", "Authorization", "Bearer "+secret)
	}
	for n = 0; n < 1000 && alert("am", "wrong") == http.StatusUnauthorized; n++ {
	}
	if got := alert("am", "s3cret"); n != 20 || got != http.StatusServiceUnavailable {
		t.Errorf("%d secrets of a source can be tried; then the right one is answered with %d", n, got)
	}
	if got := alert("grafana", "s3cret"); got != http.StatusAccepted {
		t.Errorf("another source is answered with %d", got)
	}
	m.now = m.now.Add(2 * time.Second)
	if got := alert("am", "s3cret"); got != http.StatusAccepted {
		t.Errorf("later it is answered with %d", got)
	}
}

// TestServerSentEvents follows a run as a browser does: each record has its
// number, it goes on after the last one that was seen, and when nothing will
// come any more it is told not to come again.
func TestServerSentEvents(t *testing.T) {
	r := newRuns(t)
	m := newRemote(t, r)
	token := "Bearer " + m.token("alice", server.MayRead).Token
	cancelled := false
	follow := func(after string) (int, []string) {
		w := m.ask("GET", "/v1/runs/r1/events", "", "Authorization", token, "Accept", "text/event-stream", "Last-Event-ID", after)
		if w.StatusCode != http.StatusOK {
			return w.StatusCode, nil
		}
		if got := w.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("the format is %s", got)
		}
		var ids []string
		lines := bufio.NewScanner(w.Body)
		for event := map[string]string{}; lines.Scan(); {
			if lines.Text() != "" {
				name, value, _ := strings.Cut(lines.Text(), ": ")
				event[name] = value
				continue
			}
			var line server.Line
			if err := json.Unmarshal([]byte(event["data"]), &line); err != nil {
				t.Fatal(err)
			}
			switch event["event"] {
			case "record":
				if event["id"] != fmt.Sprint(line.Seq) || line.Kind == "" {
					t.Errorf("event %s is %+v", event["id"], line)
				}
				ids = append(ids, event["id"])
				if line.Kind == (engine.WaitBegan{}).Kind() && !cancelled {
					cancelled = true
					if err := r.decide(engine.Cancel{By: "alice"}); err != nil {
						t.Error(err)
					}
				}
			case "progress":
				if event["id"] != "" || line.Progress == nil {
					t.Errorf("progress is %+v", event)
				}
			case "end":
				return w.StatusCode, ids
			}
			event = map[string]string{}
		}
		t.Fatalf("it breaks off after %v: %v", ids, lines.Err())
		return 0, nil
	}
	status, ids := follow("")
	if status != http.StatusOK || len(ids) < 4 || ids[0] != "1" {
		t.Fatalf("%d: %v", status, ids)
	}
	last := ids[len(ids)-1]
	if status, again := follow("2"); status != http.StatusOK || !slices.Equal(again, ids[2:]) {
		t.Errorf("after 2 come %v, %d", again, status)
	}
	if status, _ := follow(last); status != http.StatusNoContent {
		t.Errorf("after the end: %d", status)
	}
	if status, _ := follow("x"); status != http.StatusBadRequest {
		t.Errorf("after no number: %d", status)
	}
}

// TestStreamsAreFew holds that one token cannot take all connections, and that
// streams end when the server hangs up.
func TestStreamsAreFew(t *testing.T) {
	m := newRemote(t, newRuns(t))
	token := "Bearer " + m.token("alice", server.MayRead).Token
	var open []answer
	for range 8 {
		w := m.ask("GET", "/v1/runs/r1/events", "", "Authorization", token)
		if w.StatusCode != http.StatusOK {
			t.Fatalf("stream %d: %d", len(open), w.StatusCode)
		}
		open = append(open, w)
	}
	if w := m.ask("GET", "/v1/runs/r1/events", "", "Authorization", token); w.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one more: %d", w.StatusCode)
	}
	if w := m.ask("GET", "/v1/runs/r1/events", "", "Authorization", "Bearer "+m.token("alice", server.MayRead).Token); w.StatusCode != http.StatusOK {
		t.Errorf("another token: %d", w.StatusCode)
	}
	_ = open[0].Body.Close()
	eventually(t, func() bool {
		w := m.ask("GET", "/v1/runs/r1/events", "", "Authorization", token)
		if w.StatusCode == http.StatusOK {
			open[0] = w
		}
		return w.StatusCode == http.StatusOK
	})
}

// eventually asks until it is so.
func eventually(t *testing.T, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("it never is so")
		}
	}
}

// TestOpenAPI holds the description to what is answered: every good answer is
// of the schema that it has, and so is every refusal; and what is in it is
// served, and the reverse.
func TestOpenAPI(t *testing.T) {
	m := newRemote(t, newRuns(t))
	d := m.description()
	if d["openapi"] != "3.1.0" {
		t.Fatalf("it is %v", d)
	}
	schemas, _ := within(d, "components", "schemas").(map[string]any)
	for _, s := range schemas {
		if s, ok := s.(map[string]any); ok {
			s["additionalProperties"] = false // here, every field is one that is described
		}
	}
	for _, listing := range []string{"/v1/runs", "/v1/approvals", "/v1/alerts", "/v1/changes", "/v1/audit"} {
		if within(d, "paths", listing, "get", "responses", "200", "headers", "Link") == nil {
			t.Errorf("it is not described how %s goes on", listing)
		}
	}
	answers := map[string]*jsonschema.Resolved{}
	schemaOf := func(method, path, status string) *jsonschema.Resolved {
		t.Helper()
		key := method + " " + path + " " + status
		if answers[key] != nil {
			return answers[key]
		}
		op := within(d, "paths", path, strings.ToLower(method))
		if op == nil {
			t.Fatalf("%s %s is not described", method, path)
		}
		s := within(op, "responses", status, "content", "application/json", "schema")
		if s == nil {
			t.Fatalf("the answer %s to %s %s is not described", status, method, path)
		}
		text, err := json.Marshal(map[string]any{"allOf": []any{s}, "$defs": schemas})
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("#/components/schemas/"), []byte("#/$defs/"))
		var schema jsonschema.Schema
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		if answers[key], err = schema.Resolve(nil); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return answers[key]
	}
	all := "Bearer " + m.token("alice", server.Rights()...).Token
	for _, tt := range []struct{ method, path, ask, body, status string }{
		{"POST", "/v1/runs", "", `{"runbook":"pause"}`, "201"},
		{"POST", "/v1/runs", "", `{"runbook":"pause"} {"runbook":"pause"}`, "400"},
		{"GET", "/v1/runs", "?limit=3", "", "200"},
		{"GET", "/v1/runs/{id}", "", "", "200"},
		{"GET", "/v1/runs/{id}", "!/v1/runs/none", "", "404"},
		{"POST", "/v1/runs/{id}/cancel", "", `{"reason":1}`, "400"},
		{"POST", "/v1/runs/{id}/retry", "", `{}`, "201"},
		{"GET", "/v1/approvals", "", "", "200"},
		{"GET", "/v1/runbooks", "", "", "200"},
		{"GET", "/v1/runbooks/{name}", "", "", "200"},
		{"GET", "/v1/runbooks/{name}", "!/v1/runbooks/none", "", "404"},
		{"GET", "/v1/services", "", "", "200"},
		{"GET", "/v1/alerts", "", "", "200"},
		{"GET", "/v1/alerts", "?limit=-1", "", "400"},
		{"POST", "/v1/changes", "", `{"id":"1","service":"api","kind":"deploy","title":"v2","url":"https://ci/1"}`, "201"},
		{"POST", "/v1/changes", "", `{"id":"1","service":"api","kind":"meal","title":"v2"}`, "400"},
		{"GET", "/v1/changes", "?service=api&since=2026-01-01T00:00:00Z", "", "200"},
		{"PUT", "/v1/stops", "", `{"kind":"hold","service":"api","reason":"r"}`, "200"},
		{"GET", "/v1/stops", "", "", "200"},
		{"DELETE", "/v1/stops", "", `{"kind":"hold","service":"api"}`, "200"},
		{"GET", "/v1/plugins", "", "", "200"},
		{"GET", "/v1/audit", "?limit=2", "", "200"},
		{"POST", "/v1/prune", "", `{"before":"2026-01-01T00:00:00Z"}`, "200"},
		{"GET", "/v1/health", "", "", "200"},
		{"GET", "/v1/ready", "", "", "200"},
		{"POST", "/v1/runs/{id}/cancel", "", `{}`, "200"},
		{"POST", "/v1/runs/{id}/undo", "", `{}`, "201"},
	} {
		path := strings.NewReplacer("{id}", "r1", "{name}", "pause").Replace(tt.path) + tt.ask
		if other, ok := strings.CutPrefix(tt.ask, "!"); ok {
			path = other
		}
		w := m.ask(tt.method, path, tt.body, "Authorization", all)
		body, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatalf("%s %s: %v: %s", tt.method, path, err, body)
		}
		if fmt.Sprint(w.StatusCode) != tt.status {
			t.Errorf("%s %s: %d, not %s: %s", tt.method, path, w.StatusCode, tt.status, body)
			continue
		}
		described := tt.status
		if w.StatusCode >= 300 {
			described = "default"
		} else if tt.path == "/v1/runs/{id}/undo" {
			described = "200" // of a run that has not ended, and in the same form
		}
		if err := schemaOf(tt.method, tt.path, described).Validate(v); err != nil {
			t.Errorf("%s %s: %v\n%s", tt.method, path, err, body)
		}
	}
}

func TestChangesAreChecked(t *testing.T) {
	m := newRemote(t, newRuns(t))
	c := m.client(m.token("machine:ci", server.MayReport, server.MayRead).Token)
	good := server.ChangeRequest{ID: "1", Service: "api", Kind: server.ChangeFlag, Title: "on"}
	got, err := c.Report(t.Context(), good)
	good.At = m.now
	if want := (server.Change{ChangeRequest: good, Reporter: "machine:ci", HeardAt: m.now}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, edit := range map[string]func(*server.ChangeRequest){
		"no id":         func(c *server.ChangeRequest) { c.ID = "" },
		"an id of two":  func(c *server.ChangeRequest) { c.ID = "a b" },
		"no kind":       func(c *server.ChangeRequest) { c.Kind = "" },
		"no title":      func(c *server.ChangeRequest) { c.Title = "" },
		"to come":       func(c *server.ChangeRequest) { c.At = m.now.Add(time.Hour) },
		"long ago":      func(c *server.ChangeRequest) { c.At = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a long author": func(c *server.ChangeRequest) { c.Author = strings.Repeat("x", 5000) },
		"a script":      func(c *server.ChangeRequest) { c.URL = "javascript:alert(1)" },
		"a password":    func(c *server.ChangeRequest) { c.URL = "https://a:b@ci" },
	} {
		bad := good
		edit(&bad)
		var p *server.Problem
		if _, err := c.Report(t.Context(), bad); !errors.As(err, &p) || p.Class != "invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
	all, err := c.Changes(t.Context(), server.ChangeQuery{Service: "api", Since: m.now})
	if err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestApprovals(t *testing.T) {
	r := newRuns(t)
	m := newRemote(t, r)
	c := m.client(m.token("alice", server.MayRead).Token)
	if all, err := c.Approvals(t.Context()); err != nil || len(all) != 0 || all == nil {
		t.Errorf("%+v, %v", all, err)
	}
	r.mu.Lock()
	r.run.Questions = map[string]*engine.Question{"q": {ID: "q", Path: "rest", Kind: engine.AskGate}}
	r.mu.Unlock()
	all, err := c.Approvals(t.Context())
	if err != nil || len(all) != 1 || all[0].Run != "r1" || all[0].Question.ID != "q" {
		t.Errorf("%+v, %v", all, err)
	}
}

// asking is 250 runs that all ask the same, and counts how many were read.
type asking struct {
	*runs

	read atomic.Int64
}

func (a *asking) Run(ctx context.Context, _ string) (engine.Run, error) {
	a.read.Add(1)
	return a.runs.Run(ctx, "r1")
}

// TestManyApprovals holds that a request reads no more runs than are on one
// page, and that a client sees those of all pages.
func TestManyApprovals(t *testing.T) {
	const runs = 250
	r := &asking{runs: newRuns(t)}
	r.run.Questions = map[string]*engine.Question{"q": {ID: "q", Path: "rest", Kind: engine.AskGate}}
	cfg := config(t, r.runs)
	cfg.Runs = r
	var most int64
	cfg.List = func(_ context.Context, q server.Query) (all []engine.Head, _ error) {
		most = max(most, r.read.Swap(0))
		after, _ := strconv.Atoi(q.After)
		for n := after + 1; q.Asking && n <= runs && len(all) < q.Limit; n++ {
			all = append(all, engine.Head{ID: strconv.Itoa(n)})
		}
		return all, nil
	}
	_, c := serve(t, cfg)
	all, err := c.Approvals(t.Context())
	if err != nil || len(all) != runs || all[0].Run != "1" || all[runs-1].Run != "250" {
		t.Errorf("%d questions, %v", len(all), err)
	}
	if most != 100 {
		t.Errorf("%d runs were read for one request", most)
	}
}

// TestRemoteClient holds that a token goes nowhere but to where it is for.
func TestRemoteClient(t *testing.T) {
	for _, url := range []string{"", "firebreak", "ftp://x", "https://", "https://a:b@x", "https://x/v1", "https://x?y"} {
		if _, err := client.NewRemote(client.Remote{URL: url}); err == nil || errors.Is(err, client.ErrExposed) {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, url := range []string{"http://example.com", "http://192.0.2.1:8443", "http://localhost:1"} {
		if _, err := client.NewRemote(client.Remote{URL: url}); !errors.Is(err, client.ErrExposed) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := client.NewRemote(client.Remote{URL: "https://x", CA: []byte("x")}); err == nil {
		t.Error("no certificate is taken for one")
	}
	var leaked bytes.Buffer
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { leaked.WriteString(r.Header.Get("Authorization")) }))
	defer other.Close()
	front := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer front.Close()
	c, err := client.NewRemote(client.Remote{URL: front.URL, Token: "canary"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Health(context.Background()); err == nil || leaked.Len() > 0 {
		t.Errorf("a redirect is followed: %v, and told %q", err, leaked.String())
	}
}
