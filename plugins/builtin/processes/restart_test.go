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

// restartCall has time for a machine that is slow, unless the input says how
// much.
func restartCall(input string) plugins.Call {
	in := map[string]any{"ready_within": "1h"}
	if err := json.Unmarshal([]byte(input), &in); err != nil {
		panic(err)
	}
	raw, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	return plugins.Call{ID: "r1/restart#1/act", Action: "workload.restart", Input: raw}
}

func run(t *testing.T, b plugins.Bound, c plugins.Call, to plugins.Stream) plugins.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
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
	b := f.bind(plugins.Read)
	var got capability.StatusOutput
	f.until("a status with one ready", func() bool { // one that does not answer in time is not
		got = decode[capability.StatusOutput](t, run(t, b, plugins.Call{Action: "workload.status"}, &stream{}).Outputs)
		return got.Ready == 1
	})
	if got.Desired != 2 || got.Replicas[0].Version != "v7" || got.Replicas[0].Reason != nil || time.Since(got.Replicas[0].StartedAt).Abs() > 2*patience {
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
			f.put("api-0."+how, "")
			out := run(t, b, restartCall(`{"waves": [1, "100%"], "ready_within": "1s"}`), &stream{})
			if out.Failure == nil || out.Failure.Class != plugins.Timeout || out.Applied != plugins.Partial || !strings.Contains(out.Failure.Reason, "api-0 did not come back ready within 1s") {
				t.Fatalf("applied %s, %+v", out.Applied, out.Failure)
			}
			r := decode[capability.RestartReceipt](t, out.Receipt)
			if len(r.Replicas) != 1 || r.Replicas[0].Name != "api-0" || !r.Replicas[0].Is.IsZero() {
				t.Errorf("receipt %+v", r)
			}
		})
	}
}

// What is done when the time is over counts, and so does what was begun.
func TestTimeRunsOut(t *testing.T) {
	f := startFleet(t, 3)
	ctx, over := context.WithCancel(t.Context())
	defer over()
	out := f.bind(plugins.Mutate).Run(ctx, restartCall(`{"waves": [1, 2, "100%"]}`), &stream{on: func(text string) {
		if strings.HasPrefix(text, "wave 2 of 3: restarting") {
			over()
		}
	}})
	if out.Failure == nil || out.Failure.Class != plugins.Timeout || out.Applied != plugins.Partial || !strings.Contains(out.Failure.Reason, "1 of 3 replicas are restarted and ready") {
		t.Fatalf("applied %s, %+v", out.Applied, out.Failure)
	}
	r := decode[capability.RestartReceipt](t, out.Receipt)
	if len(r.Replicas) != 2 || r.Replicas[0].Is.IsZero() || r.Replicas[1].Name != "api-1" || !r.Replicas[1].Is.IsZero() {
		t.Errorf("receipt %+v", r)
	}
	if w := decode[capability.RestartOutput](t, out.Outputs).Waves; len(w) != 1 {
		t.Errorf("waves %+v", w)
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
	bystander := exec.Command("sleep", "1000000")
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
	settled(t, b)
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

// settled waits until no start is so near that one later could be told as the
// same: starts are told in steps of 10 ms. It returns the last start.
func settled(t *testing.T, b plugins.Bound) time.Time {
	t.Helper()
	all, err := b.(*bound).replicas()
	if err != nil {
		t.Fatal(err)
	}
	last := all[0].startedAt
	for _, r := range all {
		if r.startedAt.After(last) {
			last = r.startedAt
		}
	}
	for time.Since(last) < 4*sameStart {
	}
	return last
}

// TestOneStepAfterAnother restarts the first replicas in one call and the rest
// in another, as two steps with a look between them do.
func TestOneStepAfterAnother(t *testing.T) {
	f := startFleet(t, 4)
	b := f.bind(plugins.Mutate)
	before := strings.Fields(f.processes())
	since := settled(t, b)
	input := func(waves string) string {
		return fmt.Sprintf(`{"since": %q, "waves": [%s]}`, since.Format(time.RFC3339Nano), waves)
	}
	shown, err := b.Plan(t.Context(), restartCall(input(`"100%"`)))
	if err != nil || !strings.Contains(shown.Detail, "refused, unless some have started by then") {
		t.Errorf("all at once: %+v, %v", shown, err)
	}
	if out := run(t, b, restartCall(input(`"100%"`)), &stream{}); out.Failure == nil || out.Failure.Class != plugins.Denied || out.Applied != plugins.None {
		t.Errorf("all at once: %+v", out)
	}
	then, err := b.Plan(t.Context(), restartCall(input(`"50%"`)))
	if err != nil {
		t.Fatal(err)
	}
	for i, waves := range []string{`1`, `"25%"`, `"50%"`, `"100%"`} {
		out := run(t, b, restartCall(input(waves)), &stream{})
		applied := plugins.All
		if i == 1 { // a quarter of four is one
			applied = plugins.None
		}
		if out.Failure != nil || out.Applied != applied {
			t.Fatalf("up to %s: applied %s, %v", waves, out.Applied, out.Failure)
		}
		want := []int{1, 1, 2, 4}[i]
		for n, was := range strings.Fields(f.processes()) {
			if fresh := was != before[n]; fresh != (n < want) {
				t.Errorf("up to %s: replica %d is fresh: %v", waves, n, fresh)
			}
		}
		if i == 0 {
			now, err := b.Plan(t.Context(), restartCall(input(`"50%"`)))
			if err != nil || string(now.Binding) != string(then.Binding) || now.Fingerprint != out.Left || now.BlastRadius.Affected != 1 {
				t.Errorf("planned after the first step: %+v, %v; it was bound to %s, and the first step left %s", now, err, then.Binding, out.Left)
			}
		}
	}
	none, err := b.Plan(t.Context(), restartCall(input(`1`)))
	if err != nil || none.BlastRadius.Affected != 0 {
		t.Fatalf("with nothing left: %+v, %v", none, err)
	}
	if p := b.Probe(t.Context(), plugins.Call{Expect: "another"}, none.Undo); p.Applied != plugins.None {
		t.Errorf("a lost call with nothing to do: %+v", p)
	}
}

// What does not run is missed by nobody and goes first: only where it is back
// may one end that serves.
func TestThoseThatDoNotRunGoFirst(t *testing.T) {
	up := func(name string) replica { return replica{name: name, process: identity{pid: 2, ticks: 1, boot: "b"}} }
	in := capability.RestartInput{}
	if err := json.Unmarshal([]byte(`[1, "100%"]`), &in.Waves); err != nil {
		t.Fatal(err)
	}
	waves, herd := cut([]replica{up("a"), {name: "b"}, up("c"), {name: "d"}}, in)
	if herd != nil || len(waves) != 2 || waves[0][0].name != "b" || strings.Join(names(waves[1]), " ") != "d a c" {
		t.Errorf("%v, %v", waves, herd)
	}
}

func TestAllAtOnceNeedsAReason(t *testing.T) {
	f := startFleet(t, 2)
	b := f.bind(plugins.Mutate)
	before := f.processes()
	if _, err := b.Plan(t.Context(), restartCall(`{"waves": ["100%"]}`)); err == nil || plugins.AsFailure(err).Class != plugins.Denied {
		t.Errorf("planned without a reason: %v", err)
	}
	if out := run(t, b, restartCall(`{"waves": ["100%"]}`), &stream{}); out.Failure == nil || out.Failure.Class != plugins.Denied || f.processes() != before {
		t.Fatalf("without a reason: %+v", out)
	}
	if _, err := b.Plan(t.Context(), restartCall(`{"strategy": "rollout"}`)); err == nil || plugins.AsFailure(err).Class != plugins.Invalid {
		t.Errorf("a rollout, which there is none of: %v", err)
	}
	if out := run(t, b, restartCall(`{"waves": ["100%"], "all_at_once": "nobody is served anyway"}`), &stream{}); out.Failure != nil || out.Applied != plugins.All {
		t.Fatalf("with a reason: %+v", out)
	}
}

// TestRestartOfThoseThatStartedSince restarts what was restarted before, as
// after a setting that it took is put back, and nothing else.
func TestRestartOfThoseThatStartedSince(t *testing.T) {
	f := startFleet(t, 4)
	b := f.bind(plugins.Mutate)
	since := settled(t, b)
	at := since.Add(3 * sameStart).Format(time.RFC3339Nano)
	if out := run(t, b, restartCall(fmt.Sprintf(`{"since": %q, "waves": [2]}`, at)), &stream{}); out.Failure != nil {
		t.Fatal(out.Failure)
	}
	before := strings.Fields(f.processes())
	back := fmt.Sprintf(`{"started_since": %q}`, at)
	plan, err := b.Plan(t.Context(), restartCall(back))
	if err != nil || plan.BlastRadius != (plugins.BlastRadius{Unit: "replicas", Affected: 2, Total: 4}) {
		t.Errorf("planned: %+v, %v", plan, err)
	}
	if out := run(t, b, restartCall(back), &stream{}); out.Failure != nil || out.Applied != plugins.All {
		t.Fatalf("%+v", out)
	}
	for n, is := range strings.Fields(f.processes()) {
		if fresh := is != before[n]; fresh != (n < 2) {
			t.Errorf("replica %d is fresh: %v", n, fresh)
		}
	}
	none, err := b.Plan(t.Context(), restartCall(fmt.Sprintf(`{"started_since": %q}`, time.Now().Add(time.Hour).Format(time.RFC3339Nano))))
	if err != nil || none.BlastRadius.Affected != 0 || !strings.Contains(none.Detail, "none has started since") {
		t.Errorf("with none that has: %+v, %v", none, err)
	}
}
