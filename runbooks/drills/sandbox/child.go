package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// child is a process of ours. It gets its options as one JSON line on standard
// input, which then stays open for as long as this process lives.
type child struct {
	name     string
	cmd      *exec.Cmd
	lifeline io.Closer
	done     chan struct{} // closed when the process is gone
	err      error         // how it ended; read after done
}

// startChild starts cmd. A nil options starts a process that knows nothing of
// lifelines and is held by the death signal alone.
func startChild(name string, cmd *exec.Cmd, options any, deathSignal syscall.Signal) (*child, error) {
	c := &child{name: name, cmd: cmd, done: make(chan struct{})}
	var input io.WriteCloser
	if options != nil {
		pipe, err := cmd.StdinPipe()
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", name, err)
		}
		input, c.lifeline = pipe, pipe
	}
	tie(cmd, deathSignal)
	cmd.WaitDelay = 2 * time.Second
	started := make(chan error)
	go func() {
		// The death signal comes when the starting thread ends, not the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if input != nil {
		if err := json.NewEncoder(input).Encode(options); err != nil {
			return nil, errors.Join(fmt.Errorf("start %s: hand over its options: %w", name, err), c.stop(0))
		}
	}
	return c, nil
}

// Program is a program of somebody else's that ends when this process does.
type Program struct{ process *child }

// StartProgram starts cmd, with nothing in its environment but where programs
// and temporary files are, and what cmd.Env has. When this process is gone before [Program.Stop] the
// kernel asks it to end.
func StartProgram(name string, cmd *exec.Cmd) (*Program, error) {
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, cmd.Env...)
	process, err := startChild(name, cmd, nil, syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	return &Program{process}, nil
}

// Done is closed when the program is gone.
func (p *Program) Done() <-chan struct{} { return p.process.done }

// Stop asks the program to end, kills it after the grace period, and returns
// when it is gone.
func (p *Program) Stop(grace time.Duration) error { return p.process.stop(grace, syscall.SIGTERM) }

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop ends the child's lifeline, or signals one that has none, kills it after
// the grace period, and returns when it is gone.
func (c *child) stop(grace time.Duration, signals ...syscall.Signal) error {
	if c.lifeline != nil {
		c.lifeline.Close() // closed already is as good
	}
	for _, signal := range signals {
		c.cmd.Process.Signal(signal) //nolint:errcheck // gone already is as good
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
		return nil
	case <-timer.C:
	}
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s (pid %d): %w", c.name, c.pid(), err)
	}
	<-c.done
	return nil
}
