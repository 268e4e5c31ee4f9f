package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/server/traces/tracestest"
)

// canaryConfig has a secret wherever one can be.
const canaryConfig = `
sources:
  am: {kind: alertmanager, secrets: [{secret: "file:$WORK/source"}]}
people: {ann: {os_user: $ME}}
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
serve: {metrics: token}
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
// metrics, the traces, the state, what commands say, and what they say when
// they fail.
func TestCanaries(t *testing.T) {
	d := newDaemonCase(t)
	collector := tracestest.New(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=canary-of-a-collector")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"WORK": d.dir, "ME": me.Username}
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
	for name, text := range map[string]string{"firebreak.yaml": canaryConfig, "runbooks/leak.yaml": canaryBook} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := fill(filepath.Join(d.dir, "firebreak.yaml"), func(name string) string { return values[name] }); err != nil {
		t.Fatal(err)
	}
	made := d.lines("tokens", "create", "--machine", "all", "--may", "read,run,answer,stop,report,metrics,keep")
	token, _ := made[0]["token"].(string)
	canaries["a token"] = token[len("fb_12345678_"):]
	other := d.lines("tokens", "create", "--machine", "none", "--may", "report")
	scraper, _ := other[0]["token"].(string)
	canaries["another token"] = scraper[len("fb_12345678_"):]

	p := d.serve("A=")
	addr, _ := d.addr.Load().(string)
	var left bytes.Buffer // what has left the process
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
	for _, args := range [][]string{{"runs", "show", run}, {"runs", "list"}, {"alerts", "list"}, {"tokens", "list"}, {"plugins"}, {"cancel", run}, {"runs", "watch", run}} {
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
	if traced := collector.Raw(); !bytes.Contains(traced, []byte("plugin exec.read")) || !bytes.Contains(traced, []byte("run leak")) {
		t.Errorf("the collector was not told of the run: %q", traced)
	}
	if collector.Header("authorization") != "canary-of-a-collector" {
		t.Error("the collector was not given its header")
	}
	for _, file := range []string{"state.db", "state.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(d.dir, file))
		if err == nil {
			left.Write(raw)
		}
	}
	for _, proof := range []string{"database.connections", "exec.read", "machine:none", "machine:all", run} {
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
