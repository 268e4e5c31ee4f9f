package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Owner says which process owns a state file.
type Owner struct {
	PID    int       `json:"pid"`
	Since  time.Time `json:"since"`
	Socket string    `json:"socket,omitempty"` // empty: it does not listen, or not yet
}

// OwnedError says that another process owns the state file.
type OwnedError struct {
	Path  string
	Owner Owner // zero when it has not said yet who it is
}

func (e *OwnedError) Error() string {
	switch {
	case e.Owner.PID == 0:
		return fmt.Sprintf("another process has just taken the state file %s", e.Path)
	case e.Owner.Socket == "":
		return fmt.Sprintf("PID %d owns the state file %s since %s", e.Owner.PID, e.Path, e.Owner.Since.Format(time.RFC3339))
	default:
		return fmt.Sprintf("PID %d owns the state file %s since %s; talk to it through %s",
			e.Owner.PID, e.Path, e.Owner.Since.Format(time.RFC3339), e.Owner.Socket)
	}
}

// Class sorts the error for machines.
func (e *OwnedError) Class() string { return "owned" }

// Hint says what to do next.
func (e *OwnedError) Hint() string {
	if e.Owner.Socket == "" {
		return "try again in a moment, or choose another file with --state"
	}
	return "the verbs of firebreak talk to it by themselves; to replace it, end it first"
}

// FindOwner tells whether a process owns a state file, and which. It changes
// nothing and does not block. The owner is zero in the moment before it has
// said who it is.
func FindOwner(path string) (o Owner, owned bool, err error) {
	path, err = resolve(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Owner{}, false, nil
	}
	if err != nil {
		return Owner{}, false, err
	}
	f, err := os.Open(lockPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return Owner{}, false, nil
	}
	if err != nil {
		return Owner{}, false, explain("look for the owner of", path, err)
	}
	defer f.Close()
	switch err := flock(f, syscall.LOCK_SH); {
	case err == nil:
		return Owner{}, false, nil // closing the file gives the lock back
	case errors.Is(err, syscall.EWOULDBLOCK):
		return readOwner(f), true, nil
	default:
		return Owner{}, false, explain("look for the owner of", path, err)
	}
}

func lockPath(path string) string { return path + ".lock" }

// flock takes a lock without waiting. It belongs to the open file: it ends
// with the process, however that ends.
func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// glance is longer than anybody who looks for the owner holds the lock.
const glance = 100 * time.Millisecond

// lock makes this process the owner of a state file. A lock that somebody has
// only to see who is the owner is waited for.
func lock(ctx context.Context, path string, o Owner) (*os.File, error) {
	f, err := os.OpenFile(lockPath(path), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explain("lock", path, err)
	}
	if err := give(f, path); err != nil {
		return nil, errors.Join(explain("lock", path, err), f.Close())
	}
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	for err = flock(f, syscall.LOCK_EX); errors.Is(err, syscall.EWOULDBLOCK) && ctx.Err() == nil; err = flock(f, syscall.LOCK_EX) {
		select {
		case <-time.After(glance / 20):
		case <-ctx.Done():
		}
	}
	if err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &OwnedError{Path: path, Owner: readOwner(f)}
		}
		return nil, explain("lock", path, err)
	}
	if err := writeOwner(f, o); err != nil {
		return nil, errors.Join(explain("lock", path, err), f.Close())
	}
	return f, nil
}

// give makes root's lock that of whoever owns the state, who could not own it
// again otherwise.
func give(f *os.File, path string) error {
	info, err := os.Stat(path)
	if os.Getuid() != 0 || err != nil {
		return nil //nolint:nilerr // there is no state yet, or opening it will say why not
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(st.Uid), int(st.Gid))
	}
	return nil
}

func writeOwner(f *os.File, o Owner) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(append(text, '\n'), 0)
	return err
}

// readOwner returns the zero Owner when the file says nothing yet.
func readOwner(f *os.File) Owner {
	var o Owner
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err != nil || json.Unmarshal(text, &o) != nil {
		return Owner{}
	}
	return o
}
