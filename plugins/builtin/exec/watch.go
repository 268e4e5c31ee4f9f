package exec

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// watch is a process that outlives this one: should this one die while a
// command runs, it kills what the command has started, too. The kernel does so
// only for the command itself, and only on Linux.
type watch struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser // it ends when this process does
}

// watching reads which group to watch, and then that it need not any more. A
// pipe that ends before that means that nobody is there to say so.
const watching = `IFS= read -r group || exit 0
IFS= read -r end && exit 0
kill -s KILL -- "-$group"`

// newWatch starts a watch over nothing yet. Where there is no shell nobody
// watches.
func newWatch() *watch {
	cmd := exec.Command("/bin/sh", "-c", watching)
	cmd.Env, cmd.Dir, cmd.SysProcAttr = []string{}, "/", &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return nil
	}
	return &watch{cmd, pipe}
}

// over says which group to watch.
func (w *watch) over(group int) { w.say(fmt.Sprintln(group)) }

// end ends the watch, and leaves the group alone.
func (w *watch) end() {
	if w == nil {
		return
	}
	w.say("end\n")
	_ = w.pipe.Close()
	_ = w.cmd.Wait() // how it ended matters to nobody
}

func (w *watch) say(line string) {
	if w != nil {
		_, _ = io.WriteString(w.pipe, line) // one that is gone watches nothing
	}
}
