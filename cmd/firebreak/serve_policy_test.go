package main

import (
	"fmt"
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

// TestServeBounded lets alerts begin runs that rules hold back: one in shadow,
// of which people then do the same, and one while many services alert.
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
	if reason := fmt.Sprint(view["cause"]); !strings.Contains(reason, "policy.automation.shadow: runs that an alert began change nothing here; to do it all the same, start it yourself: firebreak run mend") ||
		!strings.Contains(would, "mended a") {
		t.Errorf("it says %s, and would have done %s", reason, would)
	}
	if cause := fmt.Sprint(d.lines("runs", "show", runs["c"])[0]["cause"]); !strings.Contains(cause, "3 services alert at once, more than 2") {
		t.Errorf("it says %s", cause)
	}
	if _, err := os.Stat(filepath.Join(d.dir, "notes")); err == nil {
		t.Error("something was changed")
	}

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
		"shadows":   "[map[runbook:mend same:1 service:a would:1]]",
		"read_only": "alerting:3",
		"budget":    "left:3", // one was made, and one may yet be
		"held":      "kind:rate",
	} {
		if got := fmt.Sprint(held[key]); !strings.Contains(got, want) {
			t.Errorf("%s is %s, wanted %s", key, got, want)
		}
	}
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
