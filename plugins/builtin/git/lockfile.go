package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// lockWait is how long another git process may hold a lock before we give up.
const lockWait = 5 * time.Second

// lockfile is git's own lock on a file: NAME.lock, made by one process at a
// time, holds what NAME will hold.
type lockfile struct {
	name string
	file *os.File
}

// lock takes the lock on a file of the repository, and waits for it. A lock
// that stays taken is a failure of class conflict.
func lock(ctx context.Context, stop <-chan struct{}, name string) (*lockfile, error) {
	giveUp := time.After(lockWait)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		f, err := os.OpenFile(name+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // it becomes a ref, with the rights that git gives one
		switch {
		case err == nil:
			return &lockfile{name, f}, nil
		case errors.Is(err, fs.ErrNotExist): // the ref is packed, and its folder was pruned
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil { //nolint:gosec // as above
				return nil, fmt.Errorf("lock %s: %w", name, err)
			}
		case !errors.Is(err, fs.ErrExist):
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
		select {
		case <-time.After(wait):
		case <-stop:
			return nil, plugins.Fail(plugins.Cancelled, "stopped while waiting for %s.lock; nothing was written", name)
		case <-ctx.Done():
			return nil, plugins.Fail(plugins.Timeout, "time ran out while waiting for %s.lock; nothing was written", name)
		case <-giveUp:
			return nil, plugins.Fail(plugins.Conflict, "%s.lock is there%s: another git process is at work, or one died; if none runs there, remove the file", name, since(name+".lock"))
		}
	}
}

// since says when a lock was made; empty: it cannot be told.
func since(name string) string {
	info, err := os.Stat(name)
	if err != nil {
		return ""
	}
	return " since " + info.ModTime().UTC().Format(time.RFC3339)
}

// write stores what the locked file will hold. Call it at most once.
func (l *lockfile) write(content []byte) error {
	_, err := l.file.Write(content)
	if err == nil {
		err = l.file.Sync()
	}
	if cerr := l.file.Close(); err == nil {
		err = cerr
	}
	l.file = nil
	return err
}

// commit puts what was written in the place of the locked file, and unlocks.
func (l *lockfile) commit() error {
	if err := os.Rename(l.name+".lock", l.name); err != nil {
		return err
	}
	l.name = ""
	return nil
}

// release unlocks without a change. It does nothing after commit.
func (l *lockfile) release() {
	if l == nil || l.name == "" {
		return
	}
	if l.file != nil {
		l.file.Close()
	}
	os.Remove(l.name + ".lock")
	l.name = ""
}
