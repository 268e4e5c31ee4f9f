package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// explain turns an error about the state file into a sentence that says what
// to do.
func explain(doing, path string, err error) error {
	if err == nil {
		return nil
	}
	var known *local.Error
	if errors.As(err, &known) || errors.Is(err, local.ErrFenced) || errors.Is(err, local.ErrSequence) || errors.Is(err, local.ErrPruned) {
		return err
	}
	return local.NewError(local.ClassJournal, fmt.Sprintf("%s the state file %s", doing, path), advice(path, err), err)
}

// advice is what to do about an error.
func advice(path string, err error) string {
	dir := filepath.Dir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Sprintf("make the directory (mkdir -p %s), or choose another file with --state", dir)
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf("%s is on a read-only file system: mount it writable, or choose another file with --state", dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("this user may not write there: see `ls -ld %s %s`, or choose another file with --state", dir, path)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Sprintf("free space on the disk of %s (see `df -h %s`)", dir, dir)
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return "see whether the disk is healthy and the file can be read and written"
	}
	if e.Code() == lib.SQLITE_IOERR_SHMSIZE {
		return fmt.Sprintf("free space on the disk of %s (see `df -h %s`)", dir, dir)
	}
	switch e.Code() & 0xff { // the rest says more precisely what we say in the text
	case lib.SQLITE_FULL:
		return fmt.Sprintf("free space on the disk of %s (see `df -h %s`)", dir, dir)
	case lib.SQLITE_NOTADB:
		return "it is not a state file of firebreak: choose another with --state"
	case lib.SQLITE_CORRUPT:
		return "the file is damaged: keep a copy, then restore a backup, or try `sqlite3 FILE .recover`"
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
		return fmt.Sprintf("the file and its directory must be writable: see `ls -ld %s %s` and `df -h %s`", dir, path, dir)
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return "another program has the file open (a backup, a sqlite3 shell?): end it and try again"
	case lib.SQLITE_IOERR:
		return fmt.Sprintf("the disk refused to write or read: see `df -h %s`, `ulimit -f` and the kernel's log", dir)
	default:
		return "see whether the disk is healthy and the file can be read and written"
	}
}
