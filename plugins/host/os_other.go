//go:build unix && !linux

package host

import (
	"os"
	"os/exec"
	"syscall"
)

func self() (string, error) { return os.Executable() }

// inherited is the path itself: there is no way here to execute an open
// file, so whoever may write the path could still swap it in between.
func inherited(path string) string { return path }

// isolate gives the child a process group of its own. That it ends with us
// rests on the pipe that it watches.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// awaitExit cannot wait without reaping here.
func awaitExit(int) (stillOurs bool) { return false }
