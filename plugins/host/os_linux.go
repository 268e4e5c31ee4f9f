package host

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// self stays the running program even when its file is replaced or removed.
func self() (string, error) { return "/proc/self/exe", nil }

// inherited is how a child finds the file that it is handed as its fourth
// descriptor: that very file, whatever is at its path by then.
func inherited(string) string { return "/proc/self/fd/3" }

// isolate gives the child a process group of its own, so that a Ctrl-C on
// the terminal is ours to handle, and has the kernel kill it when the thread
// that started it ends.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit blocks until the process has ended and leaves it unreaped, so
// that its id, and its group's, cannot be anybody else's yet.
func awaitExit(pid int) (stillOurs bool) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
