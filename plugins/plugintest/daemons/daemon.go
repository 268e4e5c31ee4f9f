package daemons

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const startWithin = 60 * time.Second

// Daemon is one server that runs. On Linux it dies with the thread that
// started it, which a TestMain keeps with runtime.LockOSThread.
type Daemon struct {
	Dir  string // what it writes; its working directory
	Port int

	held        *os.File // keeps the port ours until Stop; nil where that cannot be
	process     *exec.Cmd
	environment []string       // beside ours
	ends        syscall.Signal // what ends it
	log         string
	again       func() error // starts it
}

// prepare makes the directory, and finds a port that stays the server's however
// long it takes until it is bound.
func prepare() (*Daemon, error) {
	dir, err := os.MkdirTemp("", "daemon")
	if err != nil {
		return nil, err
	}
	d := &Daemon{Dir: dir, log: filepath.Join(dir, "log"), ends: syscall.SIGINT}
	if d.Port, d.held, err = hold(); err != nil || os.Getuid() != 0 {
		return d, err
	}
	c, err := nobody()
	if err != nil {
		return d, err
	}
	return d, os.Chown(dir, int(c.Uid), int(c.Gid))
}

// nobody is who runs servers that refuse to be root's.
func nobody() (*syscall.Credential, error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(errUID, errGID)
}

func (d *Daemon) command(program string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.SysProcAttr = d.Dir, attributes()
	cmd.Env = append(os.Environ(), d.environment...)
	if os.Getuid() != 0 {
		return cmd, nil
	}
	c, err := nobody()
	cmd.SysProcAttr.Credential = c
	return cmd, err
}

// start runs the server and returns once ready does without an error.
func (d *Daemon) start(ready func(context.Context) error, program string, args ...string) error {
	d.again = func() error { return d.start(ready, program, args...) }
	cmd, err := d.command(program, args...)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	d.process = cmd
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			words, _ := os.ReadFile(d.log)
			return fmt.Errorf("%s is not up: %w: %s", filepath.Base(program), err, words)
		}
	}
}

// Restart ends the server, calls between, and starts it again.
func (d *Daemon) Restart(between func() error) error {
	d.End()
	if err := between(); err != nil {
		return err
	}
	return d.again()
}

// End ends the server, waits for it, and leaves what it wrote.
func (d *Daemon) End() {
	if d.process != nil {
		_ = d.process.Process.Signal(d.ends)
		_ = d.process.Wait()
		d.process = nil
	}
}

// Stop ends the server, waits for it, and removes what it wrote.
func (d *Daemon) Stop() {
	if d == nil {
		return
	}
	d.End()
	_ = d.held.Close() // nil says no more than that
	_ = os.RemoveAll(d.Dir)
}

// Write writes a file of the server's, for it to read.
func (d *Daemon) Write(name, text string) error {
	return os.WriteFile(filepath.Join(d.Dir, name), []byte(text), 0o644) //nolint:gosec // the server is another user
}

// Reload tells the server to read its configuration again.
func (d *Daemon) Reload() error { return d.process.Process.Signal(syscall.SIGHUP) }

// find looks a program up on PATH and in places where distributions put it.
func find(program string, patterns ...string) (string, error) {
	if p, err := exec.LookPath(program); err == nil {
		return p, nil
	}
	for _, pattern := range patterns {
		if found, err := filepath.Glob(filepath.Join(pattern, program)); err == nil && len(found) > 0 {
			return slices.Max(found), nil
		}
	}
	return "", fmt.Errorf("%s: %w", program, exec.ErrNotFound)
}
