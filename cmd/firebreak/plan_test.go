package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// TestPlanTouchesNothing plans every action that changes something, with the
// real plugins and on real things: settings in git, processes, a service that
// listens, commands. Afterwards every byte, every process and everything that
// the service was asked is as it was.
func TestPlanTouchesNothing(t *testing.T) {
	w := newPlanWorld(t)
	for name, c := range map[string]struct {
		runbook string
		args    []string
		changes []string // actions that are planned
		code    exitCode
	}{
		"the shipped runbook": {
			"connection-exhaustion", []string{"--input", "service=api"},
			[]string{"settings.rollback", "backlog.shed", "workload.restart"}, exitOK,
		},
		"every action": {
			"everything.yaml", nil,
			[]string{"settings.rollback", "settings.apply", "workload.restart", "backlog.shed", "exec.run", "http.request", "acme.turn"}, exitOK,
		},
		"a plan that is refused": {
			"refused.yaml", nil, []string{"settings.apply"}, exitFailedClean,
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.snapshot(t)
			if err := os.Remove(w.file("calls")); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			out, code := w.plan(t, append([]string{c.runbook}, c.args...)...)
			if code != c.code {
				t.Errorf("exit code %s, want %s: %s", code, c.code, out)
			}
			var top plannedStep
			if err := json.Unmarshal(out, &top); err != nil {
				t.Fatal(err)
			}
			var planned []string
			top.visit(func(s plannedStep) {
				if s.Plan != nil && s.Plan.Detail != "" {
					planned = append(planned, s.Uses)
				}
			})
			if diff := cmp.Diff(c.changes, planned); diff != "" {
				t.Errorf("planned: %s", diff)
			}
			if diff := cmp.Diff(before, w.snapshot(t)); diff != "" {
				t.Errorf("the world was touched: %s", diff)
			}
			if calls, err := os.ReadFile(w.file("calls")); err == nil && strings.Contains(string(calls), "run acme.turn") {
				t.Errorf("acme was called to turn:\n%s", calls)
			}
		})
	}
}

// elsewhere are the tests of plugins whose servers are not in the plan's world.
// That a plan of theirs changes nothing is tried there, on the real server, by
// the conformance suite.
var elsewhere = map[string]string{
	"database.cancel": "postgres/conformance_test.go", "database.terminate": "postgres/conformance_test.go",
	"database.limit": "postgres/conformance_test.go", "database.configure": "postgres/conformance_test.go",
	"pooler.pause": "pgbouncer/resize_test.go", "pooler.resume": "pgbouncer/resize_test.go",
	"pooler.reload": "pgbouncer/resize_test.go", "pooler.resize": "pgbouncer/resize_test.go",
	"workload.rollback": "kubernetes/conformance_test.go", "workload.scale": "kubernetes/conformance_test.go",
}

// TestPlanKnowsEveryChange holds the test above to the catalog: what built-ins
// can change is in it, or in the conformance tests of its plugin.
func TestPlanKnowsEveryChange(t *testing.T) {
	catalog, err := actions()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(catalog)) {
		if a := catalog[name]; a.Effect == runbook.EffectRead || strings.Contains(everything, "uses: "+name+"\n") {
			continue
		}
		file := elsewhere[name]
		if file == "" {
			t.Errorf("%s is not planned by any test", name)
			continue
		}
		src, err := os.ReadFile("../../plugins/builtin/" + file)
		if err != nil {
			t.Fatal(err)
		}
		_, verb, _ := strings.Cut(name, ".")
		if tried := regexp.MustCompile(`(?i)"` + regexp.QuoteMeta(name) + `"|\baction` + verb + `\b`); !tried.Match(src) {
			t.Errorf("%s is not planned by %s", name, file)
		}
	}
}

// TestPlanWorldIsSeen makes sure that the snapshot would see each kind of
// change.
func TestPlanWorldIsSeen(t *testing.T) {
	w := newPlanWorld(t)
	for name, touch := range map[string]func() error{
		"a file":    func() error { return os.WriteFile(w.file("notes"), nil, 0o600) },
		"a commit":  func() error { return settingsRepo(w.file("repo"), []string{"70"}) },
		"a request": func() error { return post(w.web + "/items") },
		"a process": func() error {
			pid, err := os.ReadFile(w.file("pids/r1.pid"))
			if err != nil {
				return err
			}
			if err := exec.Command("kill", string(pid)).Run(); err != nil {
				return err
			}
			_, err = w.fleet.await(t.Context(), regexp.MustCompile("^replica r1"))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.snapshot(t)
			if err := touch(); err != nil {
				t.Fatal(err)
			}
			if cmp.Equal(before, w.snapshot(t)) {
				t.Error("nobody has noticed")
			}
		})
	}
}

func post(url string) error {
	resp, err := http.Post(url, "text/plain", http.NoBody)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// planWorld is what plans are made of: a folder, a service and its processes.
type planWorld struct {
	dir   string
	web   string
	fleet *process

	mu    sync.Mutex
	asked []string // requests that are no GET
}

func newPlanWorld(t *testing.T) *planWorld {
	t.Helper()
	w := &planWorld{dir: t.TempDir()}
	web := httptest.NewServer(w)
	t.Cleanup(web.Close)
	w.web = web.URL
	if err := settingsRepo(w.file("repo"), []string{"50", "20"}); err != nil {
		t.Fatal(err)
	}
	w.start(t)
	path, err := exec.LookPath("acme")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer(
		"$WORK", w.dir, "$WEB", w.web, "$ACME", path, "$SUM", fmt.Sprintf("%x", sha256.Sum256(binary)),
	)
	for name, text := range map[string]string{
		"firebreak.yaml": planConfig, "everything.yaml": everything,
		"refused.yaml": strings.ReplaceAll(refusedPlan, "$REST", planRest),
	} {
		if err := os.WriteFile(w.file(name), []byte(fill.Replace(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// start starts two processes with pidfiles.
func (w *planWorld) start(t *testing.T) {
	t.Helper()
	path, err := exec.LookPath("world")
	if err != nil {
		t.Fatal(err)
	}
	if w.fleet, err = startProcess(exec.Command(path, "replicas", w.file("pids"), "2")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.fleet.end)
	for range 2 {
		if _, err := w.fleet.await(t.Context(), regexp.MustCompile("^replica ")); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *planWorld) file(name string) string { return filepath.Join(w.dir, name) }

// ServeHTTP is a service whose pool is too small, and whose backlog grows.
func (w *planWorld) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if in.Method != http.MethodGet {
		w.asked = append(w.asked, in.Method+" "+in.URL.Path)
	}
	switch in.URL.Path {
	case "/metrics":
		fmt.Fprint(out, "pgxpool_max_conns 20\npgxpool_acquired_conns 20\npgxpool_idle_conns 0\npgxpool_constructing_conns 0\npgxpool_waiting 41\n")
	case "/backlog":
		fmt.Fprint(out, `{"waiting": 41, "oldest_s": 2.5, "shedding": false}`)
	default:
		fmt.Fprint(out, `{}`)
	}
}

// plan runs `firebreak plan` in the world.
func (w *planWorld) plan(t *testing.T, args ...string) ([]byte, exitCode) {
	t.Helper()
	path, err := exec.LookPath("firebreak")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"plan", "--json"}, args...)...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "HOME="+w.dir, "FIREBREAK_STATE="+w.file("state.db"), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	var out, fault bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fault
	_ = cmd.Run()
	if fault.Len() > 0 {
		t.Errorf("it complains: %s", fault.String())
	}
	return out.Bytes(), exitCode(cmd.ProcessState.ExitCode())
}

// snapshot is all that a plan could touch.
func (w *planWorld) snapshot(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(w.dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "calls" {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		all[name] = info.Mode().String()
		if entry.IsDir() {
			return nil
		}
		raw, err := os.ReadFile(w.file(name))
		all[name] += fmt.Sprintf(" %x", sha256.Sum256(raw))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"r1", "r2"} {
		pid, err := os.ReadFile(w.file("pids/" + name + ".pid"))
		if err != nil {
			t.Fatal(err)
		}
		stat, err := os.ReadFile("/proc/" + string(pid) + "/stat")
		if err != nil {
			t.Fatal(err)
		}
		_, fields, _ := strings.Cut(string(stat), ") ")
		all["process "+name] = string(pid) + " since " + strings.Fields(fields)[19]
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	all["requests"] = strings.Join(w.asked, "\n")
	return all
}

// plannedStep is a step of a plan, or all of it.
type plannedStep struct {
	Uses  string                   `json:"uses"`
	Plan  *struct{ Detail string } `json:"plan"`
	Steps []plannedStep            `json:"steps"`
}

func (s plannedStep) visit(see func(plannedStep)) {
	see(s)
	for _, inside := range s.Steps {
		inside.visit(see)
	}
}

const planConfig = `
services:
  api:
    environment: prod
    owner: platform
    settings: {plugin: git, repo: $WORK/repo, path: api/pool.yaml}
    metrics: {plugin: prometheus, targets: [$WEB/metrics], every: 100ms}
    workload: {plugin: processes, pidfiles: [$WORK/pids/*.pid]}
    backlog: {plugin: http, status: $WEB/backlog, shed: $WEB/backlog/shed}
tools:
  http: {origins: {$WEB: {}}}
  exec:
    commands:
      note: {argv: [/bin/sh, -c, 'echo made >>$WORK/notes']}
  acme: {turns: $WORK/turned, calls: $WORK/calls}
plugins:
  acme: {path: $ACME, sha256: "$SUM"}
roles:
  sre-oncall: {people: [ann]}
  sre-leads: {people: [eve], break_glass: true}
people:
  ann: {slack: U0ANN}
  eve: {slack: U0EVE}
`

const planRest = `
    approve: {of: [{role: sre-oncall, for: 5m}]}
    undo: {uses: settings.apply}
    verify: {none: a test, owner: sre, last_day: "2099-12-31"}`

const refusedPlan = `
firebreak: v1
name: refused
service: api
steps:
  - uses: settings.apply
    with: {setting: db.pool, value: 3}$REST
  - uses: settings.apply
    with: {setting: db.pool.max, value: 30}$REST
`

const everything = `
firebreak: v1
name: everything
service: api
steps:
  - id: changes
    uses: settings.changes
  - approve: {of: [{role: sre-oncall, for: 5m}]}
    verify: {none: a test, owner: sre, last_day: "2099-12-31"}
    steps:
      - uses: settings.rollback
        with: {change: "${{ steps.changes.outputs.changes[0] }}"}
        undo: {uses: settings.apply}
      - uses: settings.apply
        with: {setting: db.pool.max, value: 60}
        undo: {uses: settings.apply}
      - uses: workload.restart
        with: {waves: [1, 100%]}
        undo: {none: a test}
      - uses: backlog.shed
        undo: {none: a test}
      - uses: exec.run
        with: {command: note}
        resource: notes
        undo: {none: a test}
      - uses: http.request
        with: {method: POST, url: "$WEB/items", resource: "items"}
        resource: items
        undo: {none: a test}
  - uses: acme.look
  - uses: acme.turn
    resource: acme:1
    approve: {of: [{role: sre-oncall, for: 5m}]}
    undo: {none: a test}
    verify: {none: a test, owner: sre, last_day: "2099-12-31"}
finally:
  - uses: exec.run
    with: {command: note}
    resource: notes
    approve: {of: [{role: sre-oncall, for: 5m}]}
    undo: {none: a test}
    verify: {none: a test, owner: sre, last_day: "2099-12-31"}
`
