package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a process that cannot be mistaken for a later one with its pid.
type process struct {
	pid, parent int
	name, start string
}

// processes lists what runs on this machine.
func processes(t *testing.T) []process {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var all []process
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		text := string(stat)
		open, end := strings.Index(text, "("), strings.LastIndex(text, ")")
		pid, err := strconv.Atoi(strings.TrimSpace(text[:open]))
		fields := strings.Fields(text[end+1:])
		parent, err2 := strconv.Atoi(fields[1])
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if fields[0] != "Z" {
			all = append(all, process{pid, parent, text[open+1 : end], fields[19]})
		}
	}
	return all
}

// descendants are the processes below pid.
func descendants(t *testing.T, pid int) []process {
	t.Helper()
	below := map[int]bool{pid: true}
	var found []process
	for grown := true; grown; {
		grown = false
		for _, p := range processes(t) {
			if below[p.parent] && !below[p.pid] {
				below[p.pid], grown = true, true
				found = append(found, p)
			}
		}
	}
	return found
}

// gone waits until none of the processes is left, nor the folder.
func gone(t *testing.T, what []process, dir string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		alive := map[process]bool{}
		for _, p := range processes(t) {
			p.parent = 0
			alive[p] = true
		}
		var left []string
		for _, p := range what {
			p.parent = 0
			if alive[p] {
				left = append(left, fmt.Sprintf("%s (%d)", p.name, p.pid))
			}
		}
		if _, err := os.Stat(dir); err == nil {
			left = append(left, dir)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %s", strings.Join(left, ", "))
		}
		<-time.After(20 * time.Millisecond) // they are foreign by now: they have to be polled
	}
}

// held starts a process that holds a sandbox somewhere, and returns it, what
// runs below it, and the sandbox's folder.
func held(t *testing.T, in string) (*exec.Cmd, []process, string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, holdVerb, in)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // in case the test ended early
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	all := descendants(t, cmd.Process.Pid)
	if len(all) < 2+4+1+5 { // host, load, replicas, postgres and some backends
		t.Fatalf("only %d processes below the sandbox: %v", len(all), all)
	}
	return cmd, all, strings.TrimSpace(line)
}

func TestNothingIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		signal syscall.Signal
		group  bool // as the terminal's Ctrl-C does
	}{
		"Ctrl-C":          {syscall.SIGINT, true},
		"SIGKILL":         {syscall.SIGKILL, false},
		"SIGKILL to all":  {syscall.SIGKILL, true},
		"SIGTERM to hold": {syscall.SIGTERM, false},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, all, dir := held(t, os.TempDir())
			pid := cmd.Process.Pid
			if c.group {
				pid = -pid
			}
			if err := syscall.Kill(pid, c.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // how it ended does not matter here
			gone(t, all, dir)
		})
	}
}

// hostOf is the process that cleans up after a drill that is killed.
func hostOf(t *testing.T, all []process) int {
	t.Helper()
	for _, p := range all {
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		if err == nil && strings.HasSuffix(strings.TrimRight(string(args), "\x00"), "\x00"+roleHost) {
			return p.pid
		}
	}
	t.Fatal("there is no host")
	return 0
}

func TestNothingIsLeftWhenTheHostIsKilled(t *testing.T) {
	cmd, all, dir := held(t, os.TempDir())
	if err := syscall.Kill(hostOf(t, all), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	gone(t, all, dir)
}

// What drills have left that were killed with all that would have cleaned up,
// the next one takes away: also a process that did not end with them, and no
// other, not even one that has come by its id.
func TestSweepFolders(t *testing.T) {
	in := t.TempDir()                                         // where no drill of another test sweeps
	if err := os.Chmod(filepath.Dir(in), 0o755); err != nil { // for PostgreSQL's user
		t.Fatal(err)
	}
	cmd, all, dir := held(t, in)
	if err := sweepFolders(in); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("a drill that goes on lost its folder: %v", err)
	}
	idle := func() *exec.Cmd {
		cmd := exec.Command("sleep", "1000000")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // in case the test ended early
		return cmd
	}
	straggler, bystander := idle(), idle()
	if err := noteProcess(dir, straggler.Process.Pid); err != nil {
		t.Fatal(err)
	}
	notes, err := os.ReadFile(filepath.Join(dir, folderNotes))
	if err != nil {
		t.Fatal(err)
	}
	earlier := fmt.Sprintf("%d 1/another-boot\n", bystander.Process.Pid)
	if err := os.WriteFile(filepath.Join(dir, folderNotes), append(notes, earlier...), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(notes), "\n"); n < 1+4+1 { // postgres, replicas, the straggler
		t.Errorf("%d processes are noted:\n%s", n, notes)
	}
	for _, pid := range []int{cmd.Process.Pid, hostOf(t, all)} { // stopped, neither sees the other go
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	for _, pid := range []int{hostOf(t, all), cmd.Process.Pid} {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait() // how it ended does not matter here
	lock, err := os.Open(filepath.Join(dir, folderLock))
	if err != nil {
		t.Fatalf("nothing is left to be swept: %v", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil { // the host has ended, too
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sweepFolders(in); err != nil {
		t.Fatal(err)
	}
	gone(t, all, dir)
	if err := straggler.Wait(); err == nil {
		t.Error("the straggler was not ended")
	}
	if begun(bystander.Process.Pid) == "" {
		t.Error("a process that has come by a noted id was ended")
	}
}
