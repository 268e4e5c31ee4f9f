package pgbouncer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

func pauseCall(id, input string) plugins.Call {
	return plugins.Call{ID: id, Action: actionPause, Input: json.RawMessage(input)}
}

func goesOn(t *testing.T) {
	t.Helper()
	eventually(t, "appdb goes on", func() bool { return !paused(t, "appdb") })
}

// TestPauseHoldsClients pauses, and resumes by the receipt; who asks in between
// waits, and is answered then.
func TestPauseHoldsClients(t *testing.T) {
	needPooler(t)
	reset(t)
	b := bind(t, plugins.Mutate, logins("monitor", "admin"))
	client := connect(t, "appdb")
	plan, err := b.Plan(t.Context(), pauseCall("1", `{"database":"appdb","for":"5m"}`))
	if err != nil {
		t.Fatal(err)
	}
	if plan.BlastRadius.Affected == 0 || !strings.Contains(plan.Detail, "somebody has to say RESUME") {
		t.Errorf("the plan says %+v\n%s", plan.BlastRadius, plan.Detail)
	}
	o := b.Run(t.Context(), pauseCall("1", `{"database":"appdb","for":"5m"}`), nil)
	if o.Failure != nil || o.Applied != plugins.All || !paused(t, "appdb") {
		t.Fatalf("%+v, paused: %t", o, paused(t, "appdb"))
	}
	answered := make(chan error, 1)
	go func() {
		_, err := client.Exec(t.Context(), "select 1").ReadAll()
		answered <- err
	}()
	look := bind(t, plugins.Read, logins("monitor", ""))
	eventually(t, "the client waits", func() bool { return pool(status(t, look), "appdb").Waiting == 1 })
	// Whose pause it is, nobody can tell, so that it is not made twice.
	if again := b.Run(t.Context(), pauseCall("2", `{"database":"appdb"}`), nil); again.Failure == nil || again.Failure.Class != plugins.Conflict {
		t.Errorf("paused twice: %+v", again)
	}
	o = b.Run(t.Context(), plugins.Call{ID: "3", Action: actionResume, Receipt: o.Receipt}, nil)
	if o.Failure != nil || o.Applied != plugins.All || paused(t, "appdb") {
		t.Fatalf("%+v, paused: %t", o, paused(t, "appdb"))
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if o = b.Run(t.Context(), plugins.Call{ID: "4", Action: actionResume, Input: json.RawMessage(`{"database":"appdb"}`)}, nil); o.Applied != plugins.None || o.Failure != nil {
		t.Errorf("resumed twice: %+v", o)
	}
}

// TestPauseEndsByItself holds that its time is the longest that it lasts.
func TestPauseEndsByItself(t *testing.T) {
	needPooler(t)
	reset(t)
	b := bind(t, plugins.Mutate, logins("monitor", "admin"))
	for drain := 3 * time.Second; ; drain *= 2 { // until this machine makes it in time
		o := b.Run(t.Context(), pauseCall("1", fmt.Sprintf(`{"database":"appdb","for":"1ms","drain_within":%q}`, drain)), nil)
		if o.Failure == nil {
			break
		}
		if o.Failure.Class != plugins.Timeout {
			t.Fatal(o.Failure)
		}
	}
	goesOn(t)
}

// TestPauseThatDoesNotDrain holds that a transaction that stays open leaves the
// pool as it was.
func TestPauseThatDoesNotDrain(t *testing.T) {
	needPooler(t)
	reset(t)
	b := bind(t, plugins.Mutate, logins("monitor", "admin"))
	hold(t, "appdb")
	o := b.Run(t.Context(), pauseCall("1", `{"database":"appdb","drain_within":"100ms"}`), nil)
	if o.Failure == nil || o.Failure.Class != plugins.Timeout || o.Applied != plugins.None || paused(t, "appdb") {
		t.Fatalf("%+v, paused: %t", o, paused(t, "appdb"))
	}
	stop := make(chan struct{})
	call := pauseCall("2", `{"database":"appdb","drain_within":"5m"}`)
	call.Stop = stop
	done := make(chan plugins.Outcome)
	go func() { done <- b.Run(t.Context(), call, nil) }()
	eventually(t, "it is being paused", func() bool { return paused(t, "appdb") })
	close(stop)
	if o := <-done; o.Failure == nil || o.Failure.Class != plugins.Cancelled || o.Applied != plugins.None || paused(t, "appdb") {
		t.Fatalf("%+v, paused: %t", o, paused(t, "appdb"))
	}
}

// children are the attendants that were started by a process.
func children(t *testing.T, parent int) (found []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, stat := range stats {
		raw, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		after := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		pid := filepath.Base(filepath.Dir(stat))
		line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		if len(after) > 1 && after[1] == strconv.Itoa(parent) && strings.HasSuffix(string(line), "\x00attend\x00") {
			n, _ := strconv.Atoi(pid)
			found = append(found, n)
		}
	}
	return found
}

// paused in a plugin of its own process, which is returned.
func pausedElsewhere(t *testing.T) (pid int) {
	t.Helper()
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		t.Skip("this machine has no /proc, by which the processes are found that are to be killed")
	}
	h, err := host.New(host.Config{
		Contracts: capability.All(), Specs: []host.Spec{plugintest.Self("pgbouncer")},
		Sections: []host.Section{{Service: "api", Capability: "pooler", Plugin: "pgbouncer", Config: logins("monitor", "admin")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Stop(t.Context()) })
	o := h.Run(t.Context(), host.Call{ID: "1", Service: "api", Action: actionPause, Input: json.RawMessage(`{"database":"appdb","for":"9m"}`)}, nil)
	if o.Failure != nil || !paused(t, "appdb") {
		t.Fatalf("%+v", o)
	}
	if pid, err = strconv.Atoi(h.Status()[0].PID); err != nil {
		t.Fatal(err)
	}
	return pid
}

// TestPauseEndsWithItsPlugin kills the plugin's whole group in the middle of a
// pause, as the kernel or a host would, and the pool goes on all the same.
func TestPauseEndsWithItsPlugin(t *testing.T) {
	needPooler(t)
	reset(t)
	pid := pausedElsewhere(t)
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	goesOn(t)
}

// TestPauseEndsWithItsAttendant kills the one that was to end it.
func TestPauseEndsWithItsAttendant(t *testing.T) {
	needPooler(t)
	reset(t)
	found := children(t, pausedElsewhere(t))
	if len(found) != 1 {
		t.Fatalf("attendants: %v", found)
	}
	if err := syscall.Kill(found[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	goesOn(t)
}

// TestPauseNeedsAnAttendant holds that nothing is paused where none can be had,
// and that nobody who reads the processes' lists reads a password.
func TestPauseNeedsAnAttendant(t *testing.T) {
	needPooler(t)
	reset(t)
	b := bind(t, plugins.Mutate, logins("monitor", "admin"))
	b.attend = []string{"-test.run=^$"} // prints something else
	o := b.Run(t.Context(), pauseCall("1", `{"database":"appdb"}`), nil)
	if o.Failure == nil || o.Failure.Class != plugins.Unavailable || o.Applied != plugins.None || paused(t, "appdb") {
		t.Fatalf("%+v, paused: %t", o, paused(t, "appdb"))
	}
	for name, input := range map[string]string{
		plugins.NotFound: `{"database":"nowhere"}`, plugins.Invalid: `{"database":"appdb","for":"1h"}`,
	} {
		if o := b.Run(t.Context(), pauseCall("1", input), nil); o.Failure == nil || o.Failure.Class != name || o.Applied != plugins.None {
			t.Errorf("%s: %+v", input, o)
		}
	}
}

// TestAttendWithoutAPlugin holds that an attendant that nobody waits for has
// nothing to do, and ends.
func TestAttendWithoutAPlugin(t *testing.T) {
	needPooler(t)
	raw, err := json.Marshal(duty{Console: pooler.DSN("admin", consoleDatabase), Database: "appdb", Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{"nothing": "", "a duty": string(raw) + "\n"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "attend")
		cmd.Stdin = strings.NewReader(in)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
