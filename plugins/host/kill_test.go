package host

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
)

func pidOf(t *testing.T, text string) int {
	t.Helper()
	pid, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// serveTestHost is the main of a firebreak that a test kills. It starts the
// plugin of this name on each line that it reads, and prints the process.
func serveTestHost(name string) {
	h, err := New(Config{Specs: []Spec{builtin(name)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := h.Start(); err != nil {
		fmt.Println(err)
		return
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if _, err := h.Describe(context.Background(), name); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(h.Status()[0].PID, h.Status()[0].Checksum)
	}
}

// testHost is a process that runs serveTestHost.
type testHost struct {
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startTestHost(t *testing.T, path, plugin string) testHost {
	t.Helper()
	cmd := exec.Command(path, "host", plugin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone
		_ = cmd.Wait()
	})
	return testHost{cmd: cmd, in: in, out: bufio.NewReader(out)}
}

// plugin has the host start its plugin, and returns process and checksum.
func (h testHost) plugin(t *testing.T) (pid, sum string) {
	t.Helper()
	if _, err := io.WriteString(h.in, "start\n"); err != nil {
		t.Fatal(err)
	}
	line, err := h.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, sum, ok := strings.Cut(strings.TrimSpace(line), " ")
	if !ok || pidOf(t, pid) == 0 {
		t.Fatalf("the host said %q", line)
	}
	return pid, sum
}

// Each of the two ways is enough alone: the kernel's, and the end of the
// standard input, which is all that there is elsewhere.
func TestKilledHostLeavesNoPlugin(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, plugin := range []string{"demo", "pipe-only", "kernel-only"} {
		t.Run(plugin, func(t *testing.T) {
			h := startTestHost(t, self, plugin)
			pid, _ := h.plugin(t)
			if !alive(pid) {
				t.Fatalf("process %s of the plugin is not there", pid)
			}
			if err := h.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the plugin is gone with its host", func() bool { return !alive(pid) })
		})
	}
}

// What a call has started is in the plugin's group, and goes with it.
func TestKilledPluginLeavesNoChild(t *testing.T) {
	h := demoHost(t)
	o := h.Run(inTime(t), call("1", "spawn"), nil)
	if o.Failure != nil {
		t.Fatal(o.Failure)
	}
	var out struct{ Child string }
	if err := json.Unmarshal(o.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	if !alive(out.Child) {
		t.Fatalf("process %q is not there", out.Child)
	}
	wantFailure(t, h.Run(inTime(t), call("2", "crash"), nil), plugins.Unavailable, plugins.Unknown)
	eventually(t, "the child is gone with its plugin", func() bool { return !alive(out.Child) })
}

func TestReplacedOnDiskTheRunningProgramServes(t *testing.T) {
	path := copySelf(t, filepath.Join(t.TempDir(), "firebreak"))
	h := startTestHost(t, path, "demo")
	next := path + ".new"
	if err := os.WriteFile(next, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil { // an upgrade, while the old one runs
		t.Fatal(err)
	}
	_, sum := h.plugin(t)
	want, err := hashSelf()
	if err != nil {
		t.Fatal(err)
	}
	if sum != want {
		t.Errorf("the plugin's checksum is %s, want that of the running program, %s", sum, want)
	}
}
