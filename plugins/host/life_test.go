package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

func TestWhatIsNoPluginIsReported(t *testing.T) {
	tests := []struct{ name, want string }{
		{"garbage", "Unrecognized remote plugin message: hello, world"},
		{"stillborn", "exit status 3; its last words: panic: no luck today"},
		{"other", `says that it is plugin "misnamed"`},
		{"flood", "the first thing a plugin prints on standard output is its handshake"},
		{"tcp", "it listens on tcp 127.0.0.1:9"},
		{"newer", "Plugin version: 2"},
		{"netrpc", `unsupported plugin protocol "netrpc"`},
		{"plain", "serves with the certificate in its handshake"},
		{"own-tls", "serves with the certificate in its handshake"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec := builtin(test.name)
			if test.name == "other" {
				spec.Args = []string{"plugin", "misnamed"}
			}
			l := testLauncher(t)
			p, err := l.launch(inTime(t), spec)
			if err == nil {
				p.end()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
		})
	}
}

func testLauncher(t *testing.T) *launcher {
	t.Helper()
	thread := newThread()
	t.Cleanup(thread.close)
	return &launcher{thread: thread, masks: &masks{}, log: Config{}.logger(), selfSum: hashSelf}
}

func TestStartIsGivenUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	spec := builtin("mute")
	began := time.Now()
	if _, err := testLauncher(t).launch(ctx, spec); err == nil {
		t.Fatal("a mute process became a plugin")
	}
	if took := time.Since(began); took > wait/2 {
		t.Errorf("it took %s", took)
	}
}

func TestHungProcessIsKilled(t *testing.T) {
	p, err := testLauncher(t).launch(inTime(t), builtin("demo"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.end()
	if err := syscall.Kill(pidOf(t, p.pid), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{})
	go p.watch(t.Context(), 10*time.Millisecond, 50*time.Millisecond, func() { close(told) })
	<-told
	<-p.gone
	if why := p.why().Error(); !strings.Contains(why, "killed") {
		t.Errorf("it ended by %s", why)
	}
}

func TestStoppedProcessIsKilledAtTheEnd(t *testing.T) {
	p, err := testLauncher(t).launch(inTime(t), builtin("demo"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pidOf(t, p.pid), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.end() // asked politely, it cannot answer
	if !p.isGone() {
		t.Error("it is still there")
	}
}

func TestNoSocketIsLeftBehind(t *testing.T) {
	dir := t.TempDir()
	if len(dir) > maxTempDir {
		t.Skip("the temporary directory's name is too long for a socket")
	}
	t.Setenv("TMPDIR", dir)
	p, err := testLauncher(t).launch(inTime(t), builtin("demo"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.end()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("while it runs, there is %v", left)
	}
}

func TestStopWaitsForCallsThenCuts(t *testing.T) {
	h := started(t, Config{Specs: []Spec{builtin("demo")}})
	sink := newRecorder()
	done := make(chan plugins.Outcome, 1)
	go func() { done <- h.Run(inTime(t), call("h", "hang"), sink) }()
	<-sink.first
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.Stop(ctx); err == nil {
		t.Error("Stop cut a call and did not say so")
	}
	wantFailure(t, <-done, plugins.Unavailable, plugins.Unknown)
	wantFailure(t, h.Run(inTime(t), call("2", "echo"), nil), plugins.Unavailable, plugins.None)
	if s := h.Status()[0]; s.State != Stopped || s.PID != "" {
		t.Errorf("status after Stop: %+v", s)
	}
	if err := h.Start(); err == nil {
		t.Error("a stopped host was started")
	}
}

func TestWarmBindsAndBindsAgain(t *testing.T) {
	h := started(t, Config{
		Specs:    []Spec{builtin("demo"), builtin("idle")},
		Sections: []Section{{Service: "api", Capability: "store", Plugin: "demo"}},
	})
	if err := h.Warm(inTime(t)); err != nil {
		t.Fatal(err)
	}
	status := h.Status()
	if status[0].State != Ready || status[1].State != Idle {
		t.Errorf("states %s and %s; want only the one with a section started", status[0].State, status[1].State)
	}
	s := h.plugins[processKey{Plugin: "demo"}]
	first, err := s.get(inTime(t))
	if err != nil {
		t.Fatal(err)
	}
	first.kill()
	<-first.gone
	second, err := s.get(inTime(t))
	if err != nil {
		t.Fatal(err)
	}
	key := BindingKey{Service: "api", Capability: "store", Access: plugins.Read}
	eventually(t, "the section is bound again, with nobody asking", func() bool {
		second.mu.Lock()
		defer second.mu.Unlock()
		return second.bound[key] != nil
	})
	if resource, err := h.Identity(inTime(t), key); err != nil || resource != "demo:api" {
		t.Errorf("identity %q, %v", resource, err)
	}
}

// eventually waits for what another process does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(wait)
	for !holds() {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}

func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") // gone, and not yet reaped
}
