//go:build !linux

package daemons

import "syscall"

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
