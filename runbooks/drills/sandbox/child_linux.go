package sandbox

import (
	"os/exec"
	"syscall"
)

// tie makes the kernel signal the child when this process dies, and keeps the
// terminal's Ctrl-C away from it: children end in the order that we choose.
func tie(cmd *exec.Cmd, deathSignal syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = deathSignal
}
