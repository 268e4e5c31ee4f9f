package exec

import "syscall"

// ownGroup starts a command in a process group of its own, which dies with
// the thread that started it.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
