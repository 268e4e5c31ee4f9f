package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/plugintest/daemons"
)

// downConfig is a service that is looked at in three ways, and people in a chat
// that is not there.
const downConfig = `
people: {ann: {os_user: $ME, slack: U0ANN}}
roles: {sre: {people: [ann]}}
services:
  api:
    environment: prod
    owner: sre
    metrics: {plugin: prometheus, targets: ["$METRICS"]}
    database: {plugin: postgres, read: {secret: "file:$WORK/dsn"}}
    settings: {plugin: git, repo: $WORK/repo, path: api/pool.yaml}
tools:
  exec:
    commands:
      note: {argv: [/bin/sh, -c, 'echo "$1" >>$WORK/notes', note]}
chat:
  slack:
    bot_token: {secret: "file:$WORK/bot"}
    app_token: {secret: "file:$WORK/app"}
    channel: C0INCIDENTS
    api_url: "http://127.0.0.1:1/api/"
`

// downBook looks in every way, says what it thinks, asks, and acts.
const downBook = `firebreak: v1
name: down
title: Act, whatever is down
owner: sre
service: api
steps:
  - notify: sre
    text: Looking
  - parallel:
      - id: pool
        uses: metrics.pool
        optional: true
        timeout: 2m
      - id: db
        uses: database.connections
        optional: true
        timeout: 2m
      - id: changes
        uses: settings.changes
        optional: true
        timeout: 2m
  - id: cause
    uses: diagnose.connections
    with:
      pool: ${{ steps.pool.outputs }}
      database: ${{ steps.db.outputs }}
      changes: ${{ steps.changes.outputs }}
  - id: note
    uses: exec.run
    resource: host:notes
    with:
      command: note
      args: [done]
    approve:
      of: [{role: sre, for: 5m}]
      self: true
    undo: {none: it is a note}
    verify: {none: it is a note, owner: sre, last_day: "2099-12-31"}
`

// downPage is what a pool says of itself that is well.
const downPage = `# TYPE pgxpool_max_conns gauge
pgxpool_max_conns 20
# TYPE pgxpool_acquired_conns gauge
pgxpool_acquired_conns 5
# TYPE pgxpool_idle_conns gauge
pgxpool_idle_conns 15
# TYPE pgxpool_constructing_conns gauge
pgxpool_constructing_conns 0
# TYPE pgxpool_waiting gauge
pgxpool_waiting 0
`

// downCase is a folder with all that downConfig names, a database and a metrics
// page that answer, and a chat that does not.
type downCase struct {
	*daemonCase
	t *testing.T

	metrics  *httptest.Server
	database *daemons.Daemon
	asked    func(run *process) // is called while a person is asked; nil: nothing happens
}

func newDownCase(t *testing.T) *downCase {
	t.Helper()
	needPostgres(t)
	d := &downCase{daemonCase: newDaemonCase(t), t: t}
	d.metrics = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, downPage) }))
	t.Cleanup(d.metrics.Close)
	var err error
	if d.database, err = daemons.Postgres(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.database.Stop)
	if err := settingsRepo(filepath.Join(d.dir, "repo"), []string{"50", "20"}); err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"firebreak.yaml": downConfig, "runbooks/down.yaml": downBook, "bot": "xoxb-1", "app": "xapp-1", "dsn": d.database.DSN("admin", "postgres"),
	} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	values := map[string]string{"WORK": d.dir, "ME": me.Username, "METRICS": d.metrics.URL + "/metrics", "1": "$1"}
	if err := fill(filepath.Join(d.dir, "firebreak.yaml"), func(name string) string { return values[name] }); err != nil {
		t.Fatal(err)
	}
	return d
}

// goesOn runs the runbook through a daemon, with an answer on the socket, and
// holds that the steps named are the only ones that do not go well, each with
// the class of its failure.
func (d *downCase) goesOn(p *process, failing map[string]string) {
	d.t.Helper()
	run, err := startProcess(d.command("A=", "run", "down"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(run.end)
	match, err := run.await(d.t.Context(), regexp.MustCompile(`"kind":"question_opened","run":"([^"]+)"`))
	if err != nil {
		d.t.Fatalf("%v\n%s", err, p.said())
	}
	if d.asked != nil {
		d.asked(run)
	}
	if out, err := d.command("A=", "approve", match[1]).CombinedOutput(); err != nil {
		d.t.Fatalf("approve: %v\n%s", err, out)
	}
	if code, err := run.wait(d.t.Context()); err != nil || code != 0 {
		d.t.Fatalf("the run ends with %d, %v\n%s", code, err, run.said())
	}
	if notes, err := os.ReadFile(filepath.Join(d.dir, "notes")); err != nil || string(notes) != "done\n" {
		d.t.Errorf("what was approved was not done once: %q, %v", notes, err)
	}
	steps, _ := d.lines("runs", "show", match[1])[0]["steps"].([]any)
	for _, step := range steps {
		s, _ := step.(map[string]any)
		id, _ := s["id"].(string)
		want := "succeeded"
		if failing[id] != "" {
			want = "failed"
		}
		failure, _ := s["failure"].(map[string]any)
		if class, _ := failure["class"].(string); s["status"] != want || class != failing[id] {
			d.t.Errorf("step %s is %v, not %s with %q: %v", id, s["status"], want, failing[id], failure)
		}
	}
	if len(steps) < 6 {
		d.t.Errorf("%d steps", len(steps))
	}
}

// TestDown takes away one thing that a runbook looks at while the daemon
// serves. Nobody is in the chat, which is away throughout: what is left is
// looked at, a cause is named, the question is answered on the socket, and what
// was approved is done.
func TestDown(t *testing.T) {
	for name, c := range map[string]struct {
		take func(d *downCase) error
		fail map[string]string
	}{
		"Slack":      {func(*downCase) error { return nil }, nil},
		"Prometheus": {func(d *downCase) error { d.metrics.Close(); return nil }, map[string]string{"pool": "unavailable"}},
		"database":   {func(d *downCase) error { d.database.Stop(); return nil }, map[string]string{"db": "unavailable"}},
		"git":        {func(d *downCase) error { return os.RemoveAll(filepath.Join(d.dir, "repo")) }, map[string]string{"changes": "invalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDownCase(t)
			p := d.serve("A=")
			if err := c.take(d); err != nil {
				t.Fatal(err)
			}
			d.goesOn(p, c.fail)
		})
	}
}

// TestDownPlugin kills the processes of all plugins while a run waits for an
// answer: they are there again when they are needed.
func TestDownPlugin(t *testing.T) {
	d := newDownCase(t)
	p := d.serve("A=")
	killed := 0
	d.asked = func(run *process) {
		if _, err := run.await(t.Context(), regexp.MustCompile(`"data":\{"path":"cause"[^}]*\},"kind":"step_succeeded"`)); err != nil {
			t.Fatal(err) // the question is asked while the reads go on
		}
		for pid, line := range ours(t) {
			if strings.Contains(line, " plugin ") && syscall.Kill(pid, syscall.SIGKILL) == nil {
				killed++
			}
		}
	}
	d.goesOn(p, nil)
	if killed < 4 {
		t.Errorf("only %d processes of plugins were killed", killed)
	}
}
