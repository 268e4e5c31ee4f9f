package main

import (
	"os"
	"syscall"
	"testing"
)

// TestDownNetwork serves in a network of its own that leads nowhere, not even
// to this machine: nothing is reached, no chat and no target, and a person on
// the socket still begins a run, answers, and has it done.
func TestDownNetwork(t *testing.T) {
	d := newDownCase(t)
	cmd := d.command("A=", "serve", "--listen", "127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		me := []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = me, []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	p, err := startProcess(cmd)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("a network of its own: %v", err)
		}
		t.Skipf("needs a network of its own, which this system does not give: %v", err)
	}
	t.Cleanup(p.end)
	if _, err := p.await(t.Context(), servingLine); err != nil {
		t.Fatal(err)
	}
	d.goesOn(p, map[string]string{"pool": "unavailable", "db": "unavailable"})
}
