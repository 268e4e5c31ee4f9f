package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// lastGrace is the grace when nobody waits for the call any more: less than a
// plugin has to wind up.
const lastGrace = time.Second

// run starts the command and stays with it to its end. When ctx ends, the
// time is over or stop is closed, its process group gets SIGTERM, and SIGKILL
// after the grace.
func (c command) run(ctx context.Context, in input, stop <-chan struct{}, to plugins.Stream) plugins.Outcome {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	argv := c.argv(in)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = c.Dir, c.environment(), ownGroup()
	cmd.WaitDelay = c.grace() // for a grandchild that holds the output open
	stdout, stderr := &capture{level: "info", to: to}, &capture{level: "warn", to: to}
	cmd.Stdout, cmd.Stderr = stdout, stderr

	watch := newWatch()
	defer watch.end()
	began := time.Now()
	started, ended := launch(cmd)
	if err := <-started; err != nil {
		return plugins.Outcome{Failure: plugins.Fail(classOfStart(err), "%s: %v", in.Command, err), Applied: plugins.None}
	}
	watch.over(cmd.Process.Pid)
	cut, err := c.attend(ctx, cmd.Process.Pid, stop, ended)
	stdout.flush()
	stderr.flush()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well; what it left behind is not ours
	}
	out := plugins.Outcome{Applied: plugins.All}
	switch {
	case cut != nil: // also one that then ended well: many do, half done
		out.Applied, out.Failure = plugins.Unknown, cut
	case err != nil:
		out.Applied = plugins.Unknown // nobody knows how far it came
		out.Failure = plugins.Fail(plugins.Internal, "%s ended with %v%s", in.Command, err, stderr.lastLine())
	}
	raw, err := json.Marshal(output{
		ExitCode: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String(),
		Truncated: stdout.cut || stderr.cut, Seconds: time.Since(began).Seconds(),
	})
	if err != nil && out.Failure == nil {
		out.Failure = plugins.AsFailure(err)
	}
	out.Outputs = raw
	return out
}

// launch starts the command and waits for it on one thread that lives as long
// as the command: the kernel kills it when that thread, and so when this
// process, dies.
func launch(cmd *exec.Cmd) (started, ended chan error) {
	started, ended = make(chan error, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		ended <- cmd.Wait()
	}()
	return started, ended
}

// attend waits for the end of a process group, and brings it about when it
// must; cut says why it did.
func (c command) attend(ctx context.Context, group int, stop <-chan struct{}, ended <-chan error) (cut *plugins.Failure, err error) {
	select {
	case err := <-ended:
		return nil, err
	case <-stop:
		cut = plugins.Fail(plugins.Cancelled, "stopped while it ran; what it had done by then is not known")
	case <-ctx.Done():
		cut = plugins.Fail(plugins.Timeout, "time ran out while it ran (%s are allowed); what it had done by then is not known", c.timeout())
	}
	select {
	case err := <-ended: // at the same moment, by itself
		return nil, err
	default:
	}
	reach(group, syscall.SIGTERM)
	patience := c.grace()
	if errors.Is(ctx.Err(), context.Canceled) { // we are about to end, and the group must not outlive us
		patience = min(patience, lastGrace)
	}
	grace := time.NewTimer(patience)
	defer grace.Stop()
	select {
	case err = <-ended:
	case <-grace.C:
		reach(group, syscall.SIGKILL)
		err = <-ended
	}
	reach(group, syscall.SIGKILL) // what the command itself left running
	return cut, err
}

// reach signals a whole process group; one that is gone is no error.
func reach(group int, s syscall.Signal) { _ = syscall.Kill(-group, s) }

// environment is what a command gets: no variable of ours that it does not
// need.
func (c command) environment() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TZ", "LANG"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for name, value := range c.Env {
		env = append(env, name+"="+value)
	}
	return env
}

func classOfStart(err error) string {
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return plugins.NotFound
	case errors.Is(err, fs.ErrPermission):
		return plugins.Denied
	}
	return plugins.Invalid
}

// shown is a command line for people; what a shell would read otherwise is
// quoted.
func shown(dir string, argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = a
		if a == "" || strings.ContainsFunc(a, func(r rune) bool { return !plain(r) }) {
			words[i] = strconv.Quote(a)
		}
	}
	line := strings.Join(words, " ") + "\n"
	if dir != "" {
		line = fmt.Sprintf("in %s: %s", dir, line)
	}
	return line
}

func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
}
