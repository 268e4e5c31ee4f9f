package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const boundConfig = `
services:
  a: {environment: prod, owner: sre}
  b: {environment: prod, owner: sre}
  c: {environment: prod, owner: sre}
policy:
  automation:
    shadow: [{runbook: mend, services: [a]}]
    read_only: {services: 2}
    rate: {runs: 1, per: 1h}
    budget: {changes: 5, per: 1h}
`

const boundBook = `firebreak: v1
name: mend
title: Write it down
owner: sre
inputs:
  service: {type: service, required: true}
service: ${{ inputs.service }}
triggers:
  - alert: alert.labels.alertname == "Broken"
    inputs:
      service: ${{ alert.labels.service }}
steps:
  - id: note
    approve: {of: [{role: sre, for: 5m}], self: true}
    uses: exec.run
    resource: notes-${{ inputs.service }}
    with: {command: note, args: ["mended ${{ inputs.service }}"]}
    undo: {none: a line more does no harm}
    verify: {none: a test, owner: sre, last_day: "2099-12-31"}
`

// TestServeBounded lets alerts and a machine begin runs that rules hold back:
// in shadow, where people then do the same, and while many services alert.
func TestServeBounded(t *testing.T) {
	d := newDaemonCase(t)
	file := filepath.Join(d.dir, "firebreak.yaml")
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{file: string(config) + boundConfig, filepath.Join(d.dir, "runbooks/mend.yaml"): boundBook} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := d.serve("A=")
	runs := map[string]string{}
	for _, service := range []string{"a", "b", "c"} {
		if code := d.post(delivery("firing", "Broken", service, service)); code != http.StatusAccepted {
			t.Fatalf("answered with %d", code)
		}
		match, err := p.await(t.Context(), regexp.MustCompile(`"outcome":"started","run":"([^"]+)"`))
		if err != nil {
			t.Fatal(err)
		}
		runs[service] = match[1]
	}
	eventually(t, func() error {
		for service, want := range map[string]string{"a": "refused shadow 0 []", "b": "running <nil> 0 [approval]", "c": "refused read_only 0 []"} {
			if got := stands(d, runs[service]); got != want {
				return fmt.Errorf("the run of %s is %s, wanted %s", service, got, want)
			}
		}
		return nil
	})
	view := d.lines("runs", "show", runs["a"])[0]
	would := fmt.Sprint(view["would_have"])
	if reason := fmt.Sprint(view["cause"]); !strings.Contains(reason, "policy.automation.shadow: runs of automation change nothing here; to do it all the same, start it yourself: firebreak run mend") ||
		!strings.Contains(would, "mended a") {
		t.Errorf("it says %s, and would have done %s", reason, would)
	}
	if cause := fmt.Sprint(d.lines("runs", "show", runs["c"])[0]["cause"]); !strings.Contains(cause, "3 services alert at once, more than 2") {
		t.Errorf("it says %s", cause)
	}
	if _, err := os.Stat(filepath.Join(d.dir, "notes")); err == nil {
		t.Error("something was changed")
	}

	ci := d.token("ci", "run,read")
	theirs := d.ask(ci, "/v1/runs", `{"runbook": "mend", "inputs": {"service": "a"}}`)
	eventually(t, func() error {
		if got := stands(d, theirs); got != "refused shadow 0 []" {
			return fmt.Errorf("the run of a machine is %s", got)
		}
		return nil
	})
	if by := fmt.Sprint(d.lines("runs", "show", theirs)[0]["requester"]); by != "map[kind:machine name:machine:ci]" {
		t.Errorf("it was started by %s", by)
	}
	again := d.ask(ci, "/v1/runs/"+theirs+"/retry", `{}`)
	eventually(t, func() error {
		if got := stands(d, again); got != "refused shadow 0 []" {
			return fmt.Errorf("what it retries is %s", got)
		}
		return nil
	})

	mine, err := startProcess(d.command("A=", "run", "mend", "--input", "service=a"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mine.end)
	eventually(t, func() error {
		run := fmt.Sprint(d.runs()[0]["id"]) // the last to begin
		if got := stands(d, run); got != "running <nil> 0 [approval]" || run == runs["b"] {
			return fmt.Errorf("the run of a person is %s", got)
		}
		d.lines("approve", run)
		return nil
	})
	if code, err := mine.wait(t.Context()); err != nil || code != 0 {
		t.Fatalf("what a person starts ends with %d, %v\n%s", code, err, mine.said())
	}
	held, _ := d.lines("policy", "show")[0]["automation"].(map[string]any)
	for key, want := range map[string]string{
		"shadows":   "[map[runbook:mend same:3 service:a would:3]]",
		"read_only": "alerting:3",
		"budget":    "left:3", // one was made, and one may yet be
		"held":      "kind:rate",
	} {
		if got := fmt.Sprint(held[key]); !strings.Contains(got, want) {
			t.Errorf("%s is %s, wanted %s", key, got, want)
		}
	}
	d.lines("approve", runs["b"]) // it began before so many services alerted, and changes nothing now
	eventually(t, func() error {
		if got := stands(d, runs["b"]); got != "refused read_only 0 []" {
			return fmt.Errorf("the run of b is %s", got)
		}
		return nil
	})
	if notes, err := os.ReadFile(filepath.Join(d.dir, "notes")); err != nil || strings.Contains(string(notes), "mended b") {
		t.Errorf("%s, %v", notes, err)
	}
}

// TestServeWaived holds that a runbook whose verify is waived no more is warned
// of, begun by no alert and no machine, and by people all the same.
func TestServeWaived(t *testing.T) {
	d := newDaemonCase(t)
	file := filepath.Join(d.dir, "firebreak.yaml")
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	book := strings.Replace(boundBook, "2099-12-31", "2025-01-01", 1)
	for name, text := range map[string]string{file: string(config) + boundConfig, filepath.Join(d.dir, "runbooks/mend.yaml"): book} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := d.serve("A=")
	eventually(t, func() error {
		if said := p.said(); !strings.Contains(said, "the verify of note is waived until 2025-01-01 only") {
			return fmt.Errorf("it does not warn: %s", said)
		}
		return nil
	})
	if code := d.post(delivery("firing", "Broken", "b", "b")); code != http.StatusAccepted {
		t.Fatalf("answered with %d", code)
	}
	if _, err := p.await(t.Context(), regexp.MustCompile(`"outcome":"failed".*waived until 2025-01-01 only|waived until 2025-01-01 only.*"outcome":"failed"`)); err != nil {
		t.Fatal(err)
	}
	if runs := d.runs(); len(runs) != 0 {
		t.Errorf("it has begun %v", runs)
	}
	mine, err := startProcess(d.command("A=", "run", "mend", "--input", "service=b"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mine.end)
	eventually(t, func() error {
		if runs := d.runs(); len(runs) != 1 {
			return fmt.Errorf("there are the runs %v", runs)
		}
		return nil
	})
}

// token is the text of a new token of a machine.
func (d *daemonCase) token(machine, may string) string {
	d.t.Helper()
	return fmt.Sprint(d.lines("tokens", "create", "--machine", machine, "--may", may)[0]["token"])
}

// ask sends a request with a token and returns the run that it is answered with.
func (d *daemonCase) ask(token, path, body string) (run string) {
	d.t.Helper()
	addr, _ := d.addr.Load().(string)
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, addr+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	text, _ := io.ReadAll(w.Body)
	var answer struct {
		Run string `json:"run"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Run == "" {
		d.t.Fatalf("%s is answered with %d: %s", path, w.StatusCode, text)
	}
	return answer.Run
}

// stands is how a run is listed.
func stands(d *daemonCase, run string) string {
	for _, r := range d.runs() {
		if r["id"] != run {
			continue
		}
		state := r["word"]
		if state == nil {
			state = r["phase"]
		}
		waiting, _ := r["waiting"].([]any)
		return fmt.Sprintf("%v %v %v %v", state, r["bar"], r["changed"], append([]any{}, waiting...))
	}
	return "missing"
}
