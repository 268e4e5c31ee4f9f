package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A folder of a drill is taken away by the process that works in it. Should
// that be killed with all that would have cleaned up, the next drill does it:
// who is there still has a lock, and what was started in it is noted.
const (
	folderLock  = "lock"
	folderNotes = "processes" // a process in each line: its id and when it began
)

// makeFolder makes a folder that is taken for left behind once lock is closed,
// which also happens at the end of this process, and nobody else holds it.
func makeFolder(in, pattern string) (dir string, lock *os.File, err error) {
	if dir, err = os.MkdirTemp(in, pattern); err != nil {
		return "", nil, err
	}
	// It is held before it can be seen.
	made := filepath.Join(dir, folderLock+".new")
	lock, err = os.OpenFile(made, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = errors.Join(syscall.Flock(int(lock.Fd()), syscall.LOCK_SH), os.Rename(made, filepath.Join(dir, folderLock)))
	}
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, lock, nil
}

// holdFolder has this process hold a folder, too, for as long as it lives.
func holdFolder(dir string) (*os.File, error) {
	lock, err := os.Open(filepath.Join(dir, folderLock))
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_SH)
	}
	return lock, err
}

// noteProcess notes a process that works in a folder, where the kernel tells
// it from a later one with its id.
func noteProcess(dir string, pid int) error {
	began := begun(pid)
	if began == "" {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(dir, folderNotes), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, pid, began)
	return errors.Join(err, f.Close())
}

// sweepFolders takes away the folders that drills of this user have left, with
// what still runs in them. It blocks for a few seconds at the most for each.
func sweepFolders(in string) error {
	if in == "" {
		in = os.TempDir()
	}
	locks, err := filepath.Glob(filepath.Join(in, drillPrefix+"*", folderLock))
	for _, lock := range locks {
		err = errors.Join(err, sweepFolder(filepath.Dir(lock)))
	}
	return err
}

func sweepFolder(dir string) error {
	// Anybody may make a folder there, and write into it what we should end.
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if of, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(of.Uid) != os.Getuid() {
		return nil
	}
	lock, err := os.Open(filepath.Join(dir, folderLock))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil // somebody is there
	}
	notes, err := os.ReadFile(filepath.Join(dir, folderNotes))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(string(notes)) {
		var pid int
		var began string
		if n, _ := fmt.Sscan(line, &pid, &began); n != 2 || pid <= 1 || begun(pid) != began {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end process %d, which a drill in %s has left: %w", pid, dir, err)
		}
	}
	for range 50 { // what ends may write until it has
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}
