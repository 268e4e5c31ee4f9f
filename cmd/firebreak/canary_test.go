package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/server/traces/tracestest"
)

// canaryConfig has a secret wherever one can be.
const canaryConfig = `
sources:
  am: {kind: alertmanager, secrets: [{secret: "file:$WORK/source"}]}
people: {ann: {os_user: $ME}, alice: {slack: U0ALICE}}
roles: {sre: {people: [ann]}}
services:
  api:
    environment: prod
    owner: sre
    database: {plugin: postgres, read: {secret: "file:$WORK/dsn"}, mutate: {secret: "file:$WORK/dsn"}}
tools:
  exec:
    commands:
      leak: {argv: [/bin/sh, -c, 'echo "$SECRET"; echo "$SECRET" >&2'], env: {SECRET: {secret: "file:$WORK/env"}}, effect: read}
      fails: {argv: [/bin/sh, -c, 'echo "$SECRET" >&2; exit 3'], env: {SECRET: {secret: "file:$WORK/env"}}, effect: read}
  http:
    origins:
      $HTTP: {headers: {Authorization: {secret: "file:$WORK/header"}}}
serve: {metrics: token}
paging:
  routing_key: {secret: "file:$WORK/paging"}
  url: $HTTP/enqueue
  heartbeat: {url: {secret: "file:$WORK/heartbeat"}, every: 1s}
chat:
  slack:
    bot_token: {secret: "file:$WORK/bot"}
    app_token: {secret: "file:$WORK/app"}
    channel: C0INCIDENTS
    api_url: "$SLACK"
`

// canaryBook uses every one of them, in vain.
const canaryBook = `firebreak: v1
name: leak
title: Tell everything
owner: sre
triggers:
  - alert: alert.labels.alertname == "Leak"
service: api
steps:
  - id: pool
    uses: database.connections
    optional: true
    timeout: 10s
  - id: leak
    uses: exec.read
    with:
      command: leak
    optional: true
  - id: failed
    uses: exec.read
    with:
      command: fails
    optional: true
  - id: echoed
    uses: http.get
    with:
      url: $HTTP/echo
    optional: true
  - id: go
    ask: go on?
    of:
      - role: sre
        for: 1h
    value: {type: string}
    on_expiry: abort
`

// TestCanaries plants secrets everywhere and looks for them in everything that
// leaves the process: what it writes, its log, every answer of the API, the
// metrics, the traces, the state and its backup, what commands say, and what
// they say when they fail, the chat, pages, and tests that are made of runs.
// A command that prints a secret and one that fails with it, and a server that
// sends back what it was given, are the ways into a run.
func TestCanaries(t *testing.T) {
	d := newDaemonCase(t)
	collector := tracestest.New(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=canary-of-a-collector")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	var left bytes.Buffer // what has left the process
	told := newConfidant(t)
	slack := slacktest.Start(t, slacktest.Config{Live: true})
	values := map[string]string{"WORK": d.dir, "ME": me.Username, "HTTP": told.URL, "SLACK": slack.APIURL(), "SECRET": "$SECRET"}
	canaries := map[string]string{"the collector": "canary-of-a-collector"}
	plant := func(file, text, canary string) {
		t.Helper()
		canaries[file] = canary
		if err := os.WriteFile(filepath.Join(d.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plant("source", "canary-of-a-source\n", "canary-of-a-source")
	plant("env", "canary-of-a-command\n", "canary-of-a-command")
	plant("dsn", "postgres://u:canary-of-a-service@127.0.0.1:1/db?connect_timeout=2\n", "canary-of-a-service")
	plant("header", "canary-of-a-header\n", "canary-of-a-header")
	plant("paging", "canary0of0paging0000000000000000\n", "canary0of0paging0000000000000000")
	plant("heartbeat", told.URL+"/canary-of-a-heartbeat\n", "canary-of-a-heartbeat")
	plant("bot", slacktest.BotToken+"\n", slacktest.BotToken)
	plant("app", slacktest.AppToken+"\n", slacktest.AppToken)
	for name, text := range map[string]string{"firebreak.yaml": canaryConfig, "runbooks/leak.yaml": canaryBook} {
		text = os.Expand(text, func(name string) string {
			if value, ok := values[name]; ok {
				return value
			}
			return "$" + name
		})
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	made := d.lines("tokens", "create", "--machine", "all", "--may", "read,run,answer,stop,report,metrics,keep")
	token, _ := made[0]["token"].(string)
	canaries["a token"] = token[len("fb_12345678_"):]
	other := d.lines("tokens", "create", "--machine", "none", "--may", "report")
	scraper, _ := other[0]["token"].(string)
	canaries["another token"] = scraper[len("fb_12345678_"):]

	p := d.serve("A=")
	addr, _ := d.addr.Load().(string)
	ask := func(method, path, body string, header ...string) (status int, text string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		raw, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&left, "%s %s: %d %v\n%s\n", method, path, w.StatusCode, w.Header, raw)
		return w.StatusCode, string(raw)
	}
	bearer := "Bearer " + token

	// Wrong secrets are as good to know as right ones: people mistype.
	ask("POST", "/v1/alerts/am", "{}", "Authorization", "Bearer canary-of-a-sourcf")
	canaries["a wrong secret"] = "canary-of-a-sourcf"
	ask("GET", "/v1/runs", "", "Authorization", "Bearer fb_12345678_canary-of-nobody")
	canaries["a wrong token"] = "canary-of-nobody"
	if code, _ := ask("POST", "/v1/alerts/am", delivery("firing", "Leak", "api", "f1"), "Authorization", "Bearer canary-of-a-source"); code != http.StatusAccepted {
		t.Fatalf("the alert is answered with %d", code)
	}
	match, err := p.await(t.Context(), regexp.MustCompile(`"msg":"question opened","run":"([^"]+)"`))
	if err != nil {
		t.Fatal(err)
	}
	run := match[1]
	card, err := slack.WaitMessage(t.Context(), slacktest.Incidents, slacktest.Containing("go on?"))
	if err != nil {
		t.Fatal(err)
	}
	told.wait("/canary-of-a-heartbeat")
	ask("POST", "/v1/runs/"+run+"/provide", `{"question":"`+run+`/go#1/ask.1","value":"x","reason":"r"}`, "Authorization", bearer)
	ask("POST", "/v1/runs/"+run+"/cancel", `{"reason":"r"}`, "Authorization", bearer)
	ask("POST", "/v1/changes", `{"id":"1","service":"api","kind":"deploy","title":"v2"}`, "Authorization", bearer)
	ask("GET", "/v1/runs", "", "Authorization", "Bearer "+scraper)
	for _, path := range []string{
		"/v1/runs", "/v1/runs/" + run, "/v1/approvals", "/v1/runbooks", "/v1/runbooks/leak", "/v1/services", "/v1/alerts",
		"/v1/changes", "/v1/stops", "/v1/plugins", "/v1/audit", "/v1/health", "/v1/ready", "/v1/openapi.json", "/v1/nothing",
	} {
		ask("GET", path, "", "Authorization", bearer)
	}
	code, text := ask("GET", "/v1/metrics", "", "Authorization", bearer)
	for _, want := range []string{
		`firebreak_runs_started_total{by="alert",runbook="leak"} 1`, `firebreak_alert_to_first_step_seconds_count{runbook="leak"} 1`, `firebreak_runs_waiting{on="person"} 1`,
		`firebreak_plugin_call_seconds_count{action="exec.read",call="read",plugin="exec",result=`, `firebreak_alerts_total{outcome="started",source="am"} 1`,
		`firebreak_request_seconds_count{route="GET /v1/runs",status="403"} 1`, `firebreak_refusals_total{rule="cancel"} 1`,
	} {
		if code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("the metrics, %d, lack %s", code, want)
		}
	}
	for _, args := range [][]string{{"runs", "show", run}, {"runs", "list"}, {"alerts", "list"}, {"tokens", "list"}, {"plugins"}, {"cancel", run}, {"runs", "watch", run},
		{"pages", "list"}, {"pages", "test"}, {"record", run, "-o", "case_test.yaml"}, {"audit", "verify"}, {"backup", "copy.db"}, {"plan", "leak"}, {"policy", "show"}, {"approvals"}, {"diagnose", "api"},
	} {
		out, _ := d.command("A=", args...).CombinedOutput() // what fails speaks, too
		fmt.Fprintf(&left, "%q: %s\n", args, out)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := p.wait(t.Context()); err != nil || code != 0 {
		t.Fatalf("SIGTERM ends it with %d, %v", code, err)
	}
	left.WriteString(p.said())
	left.Write(collector.Raw())
	left.WriteString(told.said())
	for _, m := range slices.Concat(slack.Messages(slacktest.Incidents), slack.Direct(slacktest.Alice)) {
		left.WriteString(m.Render())
	}
	fmt.Fprintln(&left, card.Render(), slack.Log())
	if traced := collector.Raw(); !bytes.Contains(traced, []byte("plugin exec.read")) || !bytes.Contains(traced, []byte("run leak")) {
		t.Errorf("the collector was not told of the run: %q", traced)
	}
	if collector.Header("authorization") != "canary-of-a-collector" {
		t.Error("the collector was not given its header")
	}
	for _, file := range []string{"state.db", "copy.db", "case_test.yaml"} {
		raw, err := os.ReadFile(filepath.Join(d.dir, file))
		if err != nil {
			t.Error(err)
		}
		left.Write(raw)
	}
	for _, proof := range []string{
		"database.connections", "exec.read", "machine:none", "machine:all", run, "the outputs of exec.read: it contains a secret", "the outputs of http.get: it contains a secret",
		"[secret]", "it was taken, and taken back",
	} {
		if !bytes.Contains(left.Bytes(), []byte(proof)) {
			t.Errorf("nothing is said of %s: this proves nothing", proof)
		}
	}
	for of, canary := range canaries {
		if at := bytes.Index(left.Bytes(), []byte(canary)); at >= 0 {
			t.Errorf("the secret of %s got out: …%q…", of, left.Bytes()[max(at-200, 0):min(at+80, left.Len())])
		}
	}
}

// confidant is a web service that is given secrets, and sends back at /echo
// what it was given.
type confidant struct {
	*httptest.Server

	t    *testing.T
	mu   sync.Mutex
	came []string // bodies, without the key that belongs there
	gone chan string
}

func newConfidant(t *testing.T) *confidant {
	t.Helper()
	c := &confidant{t: t, gone: make(chan string, 1000)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		c.came = append(c.came, strings.Replace(string(body), `"routing_key":"canary0of0paging0000000000000000"`, "", 1))
		c.mu.Unlock()
		c.gone <- r.URL.Path
		if r.URL.Path == "/enqueue" {
			w.WriteHeader(http.StatusAccepted)
		}
		if r.URL.Path == "/echo" {
			w.Header().Set("X-Echo", r.Header.Get("Authorization"))
			fmt.Fprint(w, r.Header.Get("Authorization"))
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// wait waits until something was sent to a path.
func (c *confidant) wait(path string) {
	c.t.Helper()
	for {
		select {
		case at := <-c.gone:
			if at == path {
				return
			}
		case <-c.t.Context().Done():
			c.t.Fatalf("nothing was sent to %s", path)
		}
	}
}

// said is all that was sent.
func (c *confidant) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.came, "\n")
}
