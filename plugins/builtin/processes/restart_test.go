package processes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func restartCall(input string) plugins.Call {
	return plugins.Call{ID: "r1/restart#1/act", Action: "workload.restart", Input: json.RawMessage(input)}
}

func run(t *testing.T, b plugins.Bound, c plugins.Call, to plugins.Stream) plugins.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return b.Run(ctx, c, to)
}

func decode[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

// stream keeps progress, and calls back on each.
type stream struct {
	mu       sync.Mutex
	progress []string
	on       func(text string)
}

func (s *stream) Log(string, string) {}

func (s *stream) Progress(done, total int, text string) {
	s.mu.Lock()
	s.progress = append(s.progress, fmt.Sprintf("%d/%d %s", done, total, text))
	s.mu.Unlock()
	if s.on != nil {
		s.on(text)
	}
}

func TestRestartInWaves(t *testing.T) {
	f := startFleet(t, 5)
	b := f.bind(plugins.Mutate)
	before := f.processes()
	c := restartCall(`{}`)
	plan, err := b.Plan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(plan.Binding), `"waves":[["api-0"],["api-1"],["api-2","api-3","api-4"]]`) || plan.BlastRadius != (plugins.BlastRadius{Unit: "replicas", Affected: 5, Total: 5}) {
		t.Errorf("plan %s, %+v", plan.Binding, plan.BlastRadius)
	}
	c.Expect = plan.Fingerprint
	s := &stream{}
	began := time.Now().Add(-20 * time.Millisecond)
	out := run(t, b, c, s)
	if out.Failure != nil || out.Applied != plugins.All {
		t.Fatalf("applied %s, %v", out.Applied, out.Failure)
	}
	done := decode[capability.RestartOutput](t, out.Outputs)
	var waves []string
	for i, w := range done.Waves {
		waves = append(waves, strings.Join(w.Replicas, "+"))
		if w.To.Before(w.From) || i > 0 && w.From.Before(done.Waves[i-1].To) {
			t.Errorf("wave %d began before the one before it was ready: %+v", i, done.Waves)
		}
	}
	if want := []string{"api-0", "api-1", "api-2+api-3+api-4"}; !slices.Equal(waves, want) {
		t.Errorf("waves %v, want %v", waves, want)
	}
	receipt := decode[capability.RestartReceipt](t, out.Receipt)
	if len(receipt.Replicas) != 5 {
		t.Errorf("receipt %+v", receipt)
	}
	for _, r := range receipt.Replicas {
		if !r.Is.After(r.Was) || r.Is.Before(began) || r.Is.After(time.Now().Add(time.Second)) {
			t.Errorf("%s was started %s and is %s; the restart began %s", r.Name, r.Was, r.Is, began)
		}
	}
	for i, was := range strings.Fields(before) {
		if was == strings.Fields(f.processes())[i] {
			t.Errorf("%s is still the same process", was)
		}
	}
	if all, err := b.(*bound).replicas(); err != nil || out.Left != fingerprint(all) {
		t.Errorf("left %s, %v", out.Left, err)
	}
	if last := s.progress[len(s.progress)-1]; !strings.HasPrefix(last, "5/5 wave 3 of 3: all ready") {
		t.Errorf("progress %q", s.progress)
	}
}

func TestStatus(t *testing.T) {
	f := startFleet(t, 2)
	f.put("api-1.unready", "")
	out := run(t, f.bind(plugins.Read), plugins.Call{Action: "workload.status"}, &stream{})
	got := decode[capability.StatusOutput](t, out.Outputs)
	if got.Desired != 2 || got.Ready != 1 || got.Replicas[0].Version != "v7" || got.Replicas[0].Reason != nil || time.Since(got.Replicas[0].StartedAt).Abs() > time.Minute {
		t.Errorf("status %+v", got)
	}
	if one := got.Replicas[1]; one.Ready || one.Reason == nil || !strings.Contains(*one.Reason, "503") {
		t.Errorf("replica that is not ready: %+v", one)
	}
}

func TestSoftStopEndsBetweenWaves(t *testing.T) {
	f := startFleet(t, 3)
	stop := make(chan struct{})
	c := restartCall(`{"waves": [1, "100%"]}`)
	c.Stop = stop
	out := run(t, f.bind(plugins.Mutate), c, &stream{on: func(text string) {
		if strings.HasPrefix(text, "wave 1 of 2: restarting") {
			close(stop)
		}
	}})
	if out.Failure == nil || out.Failure.Class != plugins.Cancelled || out.Applied != plugins.Partial {
		t.Fatalf("applied %s, %+v", out.Applied, out.Failure)
	}
	if r := decode[capability.RestartReceipt](t, out.Receipt); len(r.Replicas) != 1 || r.Replicas[0].Name != "api-0" || !r.Replicas[0].Is.After(r.Replicas[0].Was) {
		t.Errorf("receipt %+v", r)
	}
}

func TestReplicaThatDoesNotComeBack(t *testing.T) {
	for _, how := range []string{"unready", "stuck"} {
		t.Run(how, func(t *testing.T) {
			f := startFleet(t, 3)
			b := f.bind(plugins.Mutate)
			f.put("api-1."+how, "")
			out := run(t, b, restartCall(`{"waves": [1, 2, "100%"], "ready_within": "3s"}`), &stream{})
			if out.Failure == nil || out.Failure.Class != plugins.Timeout || out.Applied != plugins.Partial || !strings.Contains(out.Failure.Reason, "api-1 did not come back") {
				t.Fatalf("applied %s, %+v", out.Applied, out.Failure)
			}
			r := decode[capability.RestartReceipt](t, out.Receipt)
			if len(r.Replicas) != 2 || r.Replicas[0].Is.IsZero() || r.Replicas[1].Name != "api-1" || !r.Replicas[1].Is.IsZero() {
				t.Errorf("receipt %+v", r)
			}
			if w := decode[capability.RestartOutput](t, out.Outputs).Waves; len(w) != 1 {
				t.Errorf("waves %+v", w)
			}
		})
	}
}

func TestReplicaThatWasRestartedBySomebodyElse(t *testing.T) {
	f := startFleet(t, 2)
	b := f.bind(plugins.Mutate)
	var fresh string
	c := restartCall(`{"waves": [1, "100%"]}`)
	out := run(t, b, c, &stream{on: func(text string) {
		if strings.HasPrefix(text, "wave 2 of 2: restarting") {
			f.kill("api-1")
			fresh = strings.Fields(f.processes())[1]
		}
	}})
	if out.Failure != nil || out.Applied != plugins.All {
		t.Fatalf("applied %s, %+v", out.Applied, out.Failure)
	}
	if now := strings.Fields(f.processes())[1]; now != fresh {
		t.Errorf("it was fresh as %s and was restarted again, to %s", fresh, now)
	}
}

func TestDrift(t *testing.T) {
	f := startFleet(t, 2)
	b := f.bind(plugins.Mutate)
	c := restartCall(`{}`)
	plan, err := b.Plan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.Expect = plan.Fingerprint
	f.kill("api-1")
	before := f.processes()
	out := run(t, b, c, &stream{})
	if out.Failure == nil || out.Failure.Class != plugins.Drift || out.Applied != plugins.None || f.processes() != before {
		t.Errorf("applied %s, %+v", out.Applied, out.Failure)
	}
}

func TestReadBindingMayNotRestart(t *testing.T) {
	f := startFleet(t, 1)
	before := f.processes()
	out := run(t, f.bind(plugins.Read), restartCall(`{}`), &stream{})
	if out.Failure == nil || out.Failure.Class != plugins.Denied || out.Applied != plugins.None || f.processes() != before {
		t.Errorf("applied %s, %+v", out.Applied, out.Failure)
	}
}

// TestStalePidfile: a process that came by the id of a replica that is gone
// is never signaled.
func TestStalePidfile(t *testing.T) {
	dir := t.TempDir()
	bystander := exec.Command("sleep", "60")
	bystander.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := bystander.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := bystander.Wait(); err == nil {
			t.Error("the bystander had ended by itself")
		}
	}()
	file := dir + "/api-0.pid"
	if err := os.WriteFile(file, fmt.Append(nil, bystander.Process.Pid), 0o644); err != nil {
		t.Fatal(err)
	}
	if !look(file).runs() {
		t.Fatal("with a fresh pidfile it counts as the replica")
	}
	hourAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
	b, err := New().Bind(plugins.Binding{Capability: "workload", Access: plugins.Mutate, Config: json.RawMessage(`{"pidfiles": ["` + dir + `/*.pid"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, b, restartCall(`{"ready_within": "100ms"}`), &stream{})
	if out.Failure == nil || out.Failure.Class != plugins.Timeout || out.Applied != plugins.None {
		t.Errorf("applied %s, %+v", out.Applied, out.Failure)
	}
	if _, err := identify(bystander.Process.Pid); err != nil {
		t.Errorf("the bystander was hit: %v", err)
	}
}

func TestPidfilesThatNameNothing(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "text": "x", "init": "1", "negative": "-5", "huge": "99999999999999999999", "gone": "4194303"} {
		file := t.TempDir() + "/" + name + ".pid"
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if r := look(file); r.runs() || r.reason == "" || r.name != name {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := look("/nowhere/a.pid"); r.runs() || !strings.Contains(r.reason, "gone") {
		t.Errorf("%+v", r)
	}
}

func TestProbe(t *testing.T) {
	f := startFleet(t, 2)
	b := f.bind(plugins.Mutate)
	c := restartCall(`{}`)
	plan, err := b.Plan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	stepped := decode[capability.RestartReceipt](t, plan.Undo)
	for i := range stepped.Replicas { // the clock was set since
		stepped.Replicas[i].Was = stepped.Replicas[i].Was.Add(-time.Second)
	}
	undo, err := json.Marshal(stepped)
	if err != nil {
		t.Fatal(err)
	}
	expecting := c
	expecting.Expect = plan.Fingerprint
	if got := b.Probe(t.Context(), expecting, undo); got.Applied != plugins.None || got.Reason == "" {
		t.Errorf("after the clock was set: %+v, want none", got)
	}
	for _, step := range []struct {
		kill   string
		want   plugins.Applied
		reason string
	}{
		{"", plugins.None, "0 of 2 replicas have started anew since the plan; not restarted: api-0, api-1"},
		{"api-0", plugins.Partial, "1 of 2 replicas have started anew since the plan: api-0; not restarted: api-1"},
		{"api-1", plugins.All, "2 of 2 replicas have started anew since the plan: api-0, api-1"},
	} {
		if step.kill != "" {
			f.kill(step.kill)
		}
		got := b.Probe(t.Context(), c, plan.Undo)
		if got.Applied != step.want || got.Reason != step.reason || (got.Receipt != nil) != (step.want != plugins.None) {
			t.Errorf("after %q: %+v, want %s", step.kill, got, step.want)
		}
	}
	if err := os.Remove(f.file("api-0.pid")); err != nil {
		t.Fatal(err)
	}
	want := "1 of 2 replicas have started anew since the plan: api-1; ended and not back: api-0"
	if got := b.Probe(t.Context(), c, plan.Undo); got.Applied != plugins.Partial || got.Reason != want {
		t.Errorf("without api-0: %+v, want partial, %s", got, want)
	}
	if got := b.Probe(t.Context(), c, nil); got.Applied != plugins.Unknown {
		t.Errorf("without the plan: %+v", got)
	}
}

func TestCut(t *testing.T) {
	count, percent := capability.Count, capability.Percent
	for _, tt := range []struct {
		n     int
		waves []capability.Wave
		want  []int
	}{
		{5, []capability.Wave{count(1), percent(25), percent(100)}, []int{1, 1, 3}},
		{1, []capability.Wave{count(1), percent(25), percent(100)}, []int{1}},
		{20, []capability.Wave{count(1), percent(25), percent(100)}, []int{1, 4, 15}},
		{3, []capability.Wave{percent(34), percent(34)}, []int{2}},
		{2, []capability.Wave{count(5)}, []int{2}},
		{4, []capability.Wave{percent(100), count(1)}, []int{4}},
	} {
		var got []int
		for _, w := range cut(make([]replica, tt.n), tt.waves) {
			got = append(got, len(w))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%d replicas in %v: %v, want %v", tt.n, tt.waves, got, tt.want)
		}
	}
}

func TestBindRefuses(t *testing.T) {
	for key, section := range map[string]string{
		"at least one pattern": `{}`,
		`"run/*.pid"`:          `{"pidfiles": ["run/*.pid"]}`,
		`"/run/[.pid"`:         `{"pidfiles": ["/run/[.pid"]}`,
		"signal":               `{"pidfiles": ["/run/*.pid"], "signal": "KILL"}`,
		"ready":                `{"pidfiles": ["/run/*.pid"], "ready": "127.0.0.1:{port}"}`,
		"pidfile":              `{"pidfile": "/run/api.pid"}`,
	} {
		if _, err := New().Bind(plugins.Binding{Capability: "workload", Config: json.RawMessage(section)}); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", section, err)
		}
	}
}
