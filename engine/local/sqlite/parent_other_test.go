//go:build !linux

package sqlite

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
