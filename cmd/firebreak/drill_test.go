package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/runbooks/drills"
)

// TestDrill plays the real drill through the command. What it says is a
// contract; how fast it is, is not tested here.
func TestDrill(t *testing.T) {
	needPostgres(t)
	p, dir := startDrill(t, "--seed", "1", "--json")
	last := drilled(t, p)
	var r drills.Result
	in := json.NewDecoder(strings.NewReader(last))
	in.DisallowUnknownFields()
	if err := in.Decode(&r); err != nil {
		t.Fatalf("the last line is %s: %v", last, err)
	}
	if r.Type != "drill_finished" || !r.Passed || r.Cause != "app_pool_too_small" {
		t.Errorf("the drill says %s", last)
	}
	for name, value := range map[string]*float64{
		"injection_to_alert": r.Seconds.InjectionToAlert, "alert_to_cause": r.Seconds.AlertToCause,
		"waiting_on_people": r.Seconds.WaitingOnPeople, "cause_to_rollback": r.Seconds.CauseToRollback,
		"alert_to_healthy": r.Seconds.AlertToHealthy, "injection_to_healthy": r.Seconds.InjectionToHealthy,
	} {
		if value == nil || *value <= 0 {
			t.Errorf("seconds.%s is %v", name, value)
		}
	}
	if r.Requests.Total < 1000 || r.Requests.Failed < 0 || r.Requests.FailedAfterRollback > r.Requests.Failed {
		t.Errorf("requests are %+v", r.Requests)
	}
	var goals []string
	for _, g := range r.Goals {
		if goals = append(goals, g.Name); g.Value == nil || g.Limit <= 0 {
			t.Errorf("goal %+v", g)
		}
	}
	if want := []string{"injection_to_alert", "alert_to_cause", "cause_to_rollback_less_people", "alert_to_healthy_less_people"}; !slices.Equal(goals, want) {
		t.Errorf("goals %q, not %q", goals, want)
	}
	for _, key := range []string{"type", "passed", "cause", "seconds", "alert", "requests", "goals"} {
		if !strings.Contains(last, `"`+key+`":`) {
			t.Errorf("the last line has no %s: %s", key, last)
		}
	}
	drillGone(t, dir)
}

// TestDrillAlerts plays the outage as production has it: Prometheus sees it,
// its Alertmanager posts it to a daemon, and resolves it.
func TestDrillAlerts(t *testing.T) {
	needPostgres(t)
	needMonitoring(t)
	p, dir := startDrill(t, "--alerts", "prometheus", "--json")
	last := drilled(t, p)
	var r drills.Result
	if err := json.Unmarshal([]byte(last), &r); err != nil {
		t.Fatalf("the last line is %s: %v", last, err)
	}
	if !r.Passed || r.Cause != "app_pool_too_small" || r.Alert.By != "prometheus" || r.Alert.Resolved == nil || *r.Seconds.WaitingOnPeople < 2 {
		t.Errorf("the drill says %s", last)
	}
	if !strings.Contains(p.said(), `"requester":{"kind":"alert","name":"DBConnectionPoolHigh"`) {
		t.Errorf("it was not the alert that began the run:\n%s", p.said())
	}
	if r.Goals[0].Limit != 6 || r.Goals[1].Limit != 3 {
		t.Errorf("goals are %+v; that of the alert has 5 s more, and no other", r.Goals)
	}
	drillGone(t, dir)
}

// TestDrillControl plays the outage without firebreak: broken at the end of
// the time given; a time in which nothing has broken yet proves nothing.
func TestDrillControl(t *testing.T) {
	needPostgres(t)
	for length, want := range map[string]exitCode{"12s": exitOK, "50ms": exitDrill} {
		t.Run(length, func(t *testing.T) {
			p, dir := startDrill(t, "--control", "--length", length, "--json")
			code, err := p.wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(p.said()), "\n")
			var r drills.ControlResult
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil || r.Type != "control_finished" {
				t.Fatalf("the last line is %s: %v", lines[len(lines)-1], err)
			}
			if exitCode(code) != want || r.Passed != (want == exitOK) {
				t.Errorf("exit code %s, and %+v", exitCode(code), r)
			}
			drillGone(t, dir)
		})
	}
}

// TestDrillEnds ends the drill in the middle, in the ways in which that
// happens: nothing of it is left.
func TestDrillEnds(t *testing.T) {
	needPostgres(t)
	for name, c := range map[string]struct {
		signal syscall.Signal
		code   int
		alerts string
	}{
		"SIGKILL":                  {syscall.SIGKILL, -1, alertsDrill},
		"Ctrl-C":                   {syscall.SIGINT, int(exitError), alertsDrill},
		"SIGKILL, with Prometheus": {syscall.SIGKILL, -1, alertsPrometheus},
		"Ctrl-C, with Prometheus":  {syscall.SIGINT, int(exitError), alertsPrometheus},
	} {
		t.Run(name, func(t *testing.T) {
			if c.alerts == alertsPrometheus {
				needMonitoring(t)
			}
			p, dir := startDrill(t, "--interactive", "--json", "--alerts", c.alerts)
			if _, err := p.await(t.Context(), regexp.MustCompile(`"kind":"question_opened"`)); err != nil {
				t.Fatal(err)
			}
			if err := p.cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			code, err := p.wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if code != c.code {
				t.Errorf("exit code %d, not %d:\n%s", code, c.code, p.said())
			}
			drillGone(t, dir)
		})
	}
}

// TestDrillSweeps finds what a killed drill leaves, and leaves alone what is
// somebody's.
func TestDrillSweeps(t *testing.T) {
	dir := t.TempDir()
	state := func(name string) (folder string, s *sqlite.Store) {
		folder = filepath.Join(dir, name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		s, err := sqlite.Open(t.Context(), filepath.Join(folder, "state.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return folder, s
	}
	left, killed := state(drillFolder + "1")
	other, _ := state("firebreak-other")
	if err := killed.Close(); err != nil { // its lock is free, as after SIGKILL
		t.Fatal(err)
	}
	live, _ := state(drillFolder + "2")
	if err := sweepDrills(dir); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]bool{left: false, live: true, other: true} {
		if _, err := os.Stat(folder); (err == nil) != want {
			t.Errorf("%s is there: %t, not %t", filepath.Base(folder), !want, want)
		}
	}
}

// startDrill plays the drill in a folder of its own for temporary files.
func startDrill(t *testing.T, args ...string) (p *process, dir string) {
	t.Helper()
	path, err := exec.LookPath("firebreak")
	if err != nil {
		t.Fatal(err)
	}
	dir, err = os.MkdirTemp("", "drill-test-") //nolint:usetesting // PostgreSQL runs as another user, who must come here
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"drill", "inc-2024-0715"}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	if p, err = startProcess(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	return p, dir
}

// drilled waits for a drill that must pass, and returns the last line it says.
func drilled(t *testing.T, p *process) string {
	t.Helper()
	code, err := p.wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said := strings.TrimSpace(p.said())
	if code != int(exitOK) {
		t.Fatalf("exit code %d (%s): %s", code, exitCode(code), said)
	}
	return said[strings.LastIndexByte(said, '\n')+1:]
}

// drillGone waits until no process of the drill is left, nor its sandbox. A
// state that SIGKILL has left is taken away by the next drill.
func drillGone(t *testing.T, dir string) {
	t.Helper()
	nothingLeft(t)
	eventually(t, func() error {
		left, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			return err
		}
		for _, file := range left {
			if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), dir) {
				return &leftError{strings.ReplaceAll(string(line), "\x00", " ")}
			}
		}
		return nil
	})
	boxes, err := filepath.Glob(filepath.Join(dir, "firebreak-drill-*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range boxes {
		if name := filepath.Base(file); !strings.HasPrefix(name, "state.") && name != "firebreak.yaml" {
			t.Errorf("%s is left", file)
		}
	}
}

type leftError struct{ process string }

func (e *leftError) Error() string { return "a process is left: " + e.process }

// needMonitoring skips a drill where there is no Prometheus, never in CI.
func needMonitoring(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("prometheus")
	if err == nil {
		if _, err = exec.LookPath("prometheus-alertmanager"); err != nil {
			_, err = exec.LookPath("alertmanager")
		}
	}
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("Prometheus or its Alertmanager is not installed: `make test` installs them")
	}
	t.Skip("Prometheus or its Alertmanager is not installed: `make test` installs them")
}

// needPostgres skips a drill where there is no PostgreSQL, never in CI.
func needPostgres(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("postgres"); err == nil {
		return
	}
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); err == nil && len(found) > 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("PostgreSQL is not installed: `make test` installs it")
	}
	t.Skip("PostgreSQL is not installed: `make test` installs it")
}
