package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 3 * time.Minute

// process is a child of a test, whose lines can be waited for.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and all its lines are here

	mu      sync.Mutex
	lines   []string // of both streams, in the order in which they came
	seen    int      // lines that were waited for already
	changed chan struct{}
}

// startProcess starts a child that dies with the test.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{name: strings.Join(cmd.Args, " "), cmd: cmd, done: make(chan struct{}), changed: make(chan struct{})}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // a Ctrl-C of the test's terminal is not the child's
	dieWithParent(cmd.SysProcAttr)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	fault, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var streams sync.WaitGroup
	for _, r := range []io.Reader{out, fault} {
		streams.Go(func() { p.read(r) })
	}
	go func() {
		streams.Wait()
		_ = cmd.Wait() // the exit code is in its state
		close(p.done)
	}()
	return p, nil
}

func (p *process) read(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			p.mu.Lock()
			p.lines = append(p.lines, strings.TrimSuffix(line, "\n"))
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// await returns the match of the first line that nobody has waited for yet
// and that fits.
func (p *process) await(ctx context.Context, pattern *regexp.Regexp) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for ended := false; ; {
		match, changed := p.next(pattern)
		if match != nil {
			return match, nil
		}
		if ended {
			return nil, fmt.Errorf("%s ended without a line like %s; it said:\n%s", p.name, pattern, p.said())
		}
		select {
		case <-changed:
		case <-p.done:
			ended = true
		case <-ctx.Done():
			return nil, fmt.Errorf("%s has no line like %s; it said:\n%s", p.name, pattern, p.said())
		}
	}
}

func (p *process) next(pattern *regexp.Regexp) (match []string, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.seen < len(p.lines) {
		line := p.lines[p.seen]
		p.seen++
		if match := pattern.FindStringSubmatch(line); match != nil {
			return match, nil
		}
	}
	return nil, p.changed
}

// said is everything that it has said so far.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(append(p.lines, ""), "\n")
}

// wait returns the exit code; one that was killed has -1.
func (p *process) wait(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%s does not end; it said:\n%s", p.name, p.said())
	}
}

// end kills it if it still runs.
func (p *process) end() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// oursOf lists the processes that run this test's executable, or the one that
// stories call firebreak, other than the test itself: pid and command line.
func ours(t testing.TB) map[int]string {
	t.Helper()
	var exes []os.FileInfo
	for _, name := range []func() (string, error){os.Executable, func() (string, error) { return exec.LookPath("firebreak") }} {
		path, err := name()
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		exes = append(exes, info)
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, "exe"))
		if err != nil {
			continue // it has ended, or is not ours to see
		}
		for _, exe := range exes {
			if os.SameFile(exe, info) {
				line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
				found[pid] = strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
			}
		}
	}
	return found
}

// nothingLeft waits until no process of this test is left.
func nothingLeft(t testing.TB) {
	t.Helper()
	eventually(t, func() error {
		if left := ours(t); len(left) > 0 {
			return fmt.Errorf("processes are left: %v", left)
		}
		return nil
	})
}

// eventually waits for what foreign processes bring about: they cannot tell
// us, so they are looked at again and again.
func eventually(t testing.TB, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// alive reports whether a process is there.
func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
