package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// maxHandshake bounds the one line that a plugin prints for us, in bytes.
const maxHandshake = 8 << 10

// child is a plugin's process, as go-plugin's client asks for one. Unlike
// the one go-plugin would make, it does not share our standard input, it
// takes its group with it, and its end is seen even if somebody else still
// holds its output open.
type child struct {
	cmd    *exec.Cmd
	thread *thread
	alive  *os.File // our end of its standard input: it ends with us
	stdout *os.File
	stderr *os.File
	line   *io.PipeReader // the first line of stdout
	gone   chan struct{}  // closed once the process is gone and reaped
	exit   error          // valid once gone

	mu     sync.Mutex
	pid    int  // 0: not started
	killed bool // asked for, perhaps before it was started
	reaped bool // its id may be anybody's
}

var _ runner.Runner = (*child)(nil)

func newChild(exe executable, thread *thread) *child {
	cmd := exec.Command(exe.path)
	cmd.Args = exe.args
	if exe.file != nil {
		cmd.ExtraFiles = []*os.File{exe.file}
	}
	isolate(cmd)
	return &child{cmd: cmd, thread: thread, gone: make(chan struct{})}
}

// Start implements runner.Runner.
func (c *child) Start(context.Context) (err error) {
	var theirs [3]*os.File // stdin, stdout, stderr
	pipes := [3]struct{ read, write **os.File }{{&theirs[0], &c.alive}, {&c.stdout, &theirs[1]}, {&c.stderr, &theirs[2]}}
	for _, p := range pipes {
		if *p.read, *p.write, err = os.Pipe(); err != nil {
			break
		}
	}
	if err == nil {
		c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = theirs[0], theirs[1], theirs[2]
		c.thread.do(func() { err = c.cmd.Start() })
	}
	closeAll(theirs[:]...)
	if err != nil {
		closeAll(c.alive, c.stdout, c.stderr)
		return fmt.Errorf("starting it: %w", err)
	}
	var line *io.PipeWriter
	c.line, line = io.Pipe()
	go firstLine(c.stdout, line)
	c.mu.Lock()
	c.pid = c.cmd.Process.Pid
	c.signal()
	c.mu.Unlock()
	go c.reap()
	return nil
}

func closeAll(files ...*os.File) {
	for _, file := range files {
		if file != nil {
			_ = file.Close() // an end of a pipe: there is nothing to lose
		}
	}
}

// firstLine passes the handshake on and then reads on for ever, so that a
// plugin which goes on printing neither blocks nor fills our memory.
func firstLine(out *os.File, line *io.PipeWriter) {
	in := bufio.NewReaderSize(out, maxHandshake)
	text, err := in.ReadSlice('\n')
	if (err == nil || errors.Is(err, io.EOF)) && len(text) > 0 {
		_, _ = line.Write(text) // fails only when nobody wants it any more
	}
	_ = line.Close() // never fails
	_, _ = io.Copy(io.Discard, in)
}

// reap waits for the end, and ends what the process left in its group.
func (c *child) reap() {
	stillOurs := awaitExit(c.cmd.Process.Pid)
	c.mu.Lock()
	if stillOurs {
		c.killed = true
		c.signal()
	}
	c.reaped = true
	c.mu.Unlock()
	c.exit = c.cmd.Wait()
	_ = c.alive.Close() // its reader is gone

	// What it still said is read, but not for ever: somebody else may hold
	// its ends of the pipes open.
	limit := time.Now().Add(time.Second)
	_ = c.stdout.SetReadDeadline(limit)
	_ = c.stderr.SetReadDeadline(limit)
	close(c.gone)
}

// signal kills the group if that was asked for and can be done. The caller
// holds c.mu.
func (c *child) signal() {
	if c.killed && c.pid != 0 && !c.reaped {
		_ = syscall.Kill(-c.pid, syscall.SIGKILL) // fails only when all of it is gone
	}
}

// Kill implements runner.Runner. It may be called at any time, also before
// the start.
func (c *child) Kill(context.Context) error {
	c.kill()
	return nil
}

func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
	c.signal()
}

// Wait implements runner.Runner.
func (c *child) Wait(context.Context) error {
	<-c.gone
	return c.exit
}

// Stdout implements runner.Runner.
func (c *child) Stdout() io.ReadCloser { return c.line }

// Stderr implements runner.Runner.
func (c *child) Stderr() io.ReadCloser { return c.stderr }

// Name implements runner.Runner.
func (c *child) Name() string { return c.cmd.Args[0] }

// ID implements runner.Runner: the process id, empty before the start.
func (c *child) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pid == 0 {
		return ""
	}
	return strconv.Itoa(c.pid)
}

// Diagnose implements runner.Runner.
func (c *child) Diagnose(context.Context) string {
	return "the first thing a plugin prints on standard output is its handshake; it calls plugins.Serve and prints nothing before"
}

// PluginToHost implements runner.Runner. Nobody but us reaches a socket in a
// folder of ours.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" {
		return "", "", fmt.Errorf("it listens on %s %s; a plugin listens on a socket in PLUGIN_UNIX_SOCKET_DIR", network, address)
	}
	return network, address, nil
}

// HostToPlugin implements runner.Runner.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
