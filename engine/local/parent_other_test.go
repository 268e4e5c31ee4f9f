//go:build !linux

package local_test

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
