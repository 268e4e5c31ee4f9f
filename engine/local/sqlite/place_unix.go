//go:build unix

package sqlite

import (
	"io/fs"
	"syscall"
)

// number is what tells a file from others of its file system.
func number(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

// shared says whether a file has more than one name in its file system.
func shared(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Nlink > 1
}
