package sqlite

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// A disk that is full stops the owner at the first record that does not fit;
// what was acknowledged is there, and with space again the next owner goes on.
func TestDiskFull(t *testing.T) {
	dir := mount(t, "size=1m")
	path := dir + "/state.db"
	s := open(t, path)
	acknowledged, err := fill(t.Context(), s)
	full(t, err)
	if acknowledged == 0 {
		t.Fatal("nothing fitted on the disk")
	}
	recs, err := s.Load(t.Context(), "r", 0)
	if err != nil || len(recs) != acknowledged {
		t.Errorf("%d records, %v; %d were acknowledged", len(recs), err, acknowledged)
	}
	if err := s.Close(); err != nil {
		full(t, err)
	}
	_, err = reader(t, path).Backup(t.Context(), dir+"/copy.db")
	full(t, err)
	if left, err := filepath.Glob(dir + "/*copy*"); err != nil || left != nil {
		t.Errorf("a backup that did not fit has left %q, %v", left, err)
	}
	remount(t, dir, 0, "size=4m")
	s = open(t, path)
	recs, err = s.Load(t.Context(), "r", 0)
	if err != nil || len(recs) != acknowledged {
		t.Errorf("after all: %d records, %v; %d were acknowledged", len(recs), err, acknowledged)
	}
	appendAll(t, s, batch("r", acknowledged+1))
	if a := verify(t, path, "", ""); a.Problems != nil || a.Records != acknowledged+1 {
		t.Errorf("%+v", a)
	}
}

// full checks that an error says that space is to be freed.
func full(t *testing.T, err error) {
	t.Helper()
	var known *local.Error
	if !errors.As(err, &known) || !strings.Contains(known.Hint(), "free space") || known.Class() != local.ClassJournal {
		t.Errorf("%v does not say that the disk is full", err)
	}
}

// A disk on which there is no space at all for a state.
func TestOpenOnFullDisk(t *testing.T) {
	dir := mount(t, "size=16k")
	_, err := Open(t.Context(), filepath.Join(dir, "state.db"))
	full(t, err)
}

func TestOpenOnReadOnlyDisk(t *testing.T) {
	dir := mount(t, "size=1m")
	remount(t, dir, syscall.MS_RDONLY, "")
	_, err := Open(t.Context(), filepath.Join(dir, "state.db"))
	var known *local.Error
	if !errors.As(err, &known) || !strings.Contains(known.Hint(), "read-only file system") {
		t.Errorf("%v", err)
	}
}

// mount gives the test a file system of its own; only root can do that.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a file system here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func remount(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, options); err != nil {
		t.Fatal(err)
	}
}
