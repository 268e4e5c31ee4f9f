package sqlite

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/local"
)

func TestDiskFull(t *testing.T) {
	path := mount(t, "size=1m") + "/state.db"
	s := open(t, path)
	acknowledged, err := fill(t.Context(), s)
	var known *local.Error
	if !errors.As(err, &known) || !strings.Contains(known.Hint(), "free space") || known.Class() != local.ClassJournal {
		t.Fatalf("%v, hint %q", err, known.Hint())
	}
	if acknowledged == 0 {
		t.Fatal("nothing fitted on the disk")
	}
	recs, err := s.Load(t.Context(), "r", 0)
	if err != nil || len(recs) != acknowledged {
		t.Errorf("%d records, %v; %d were acknowledged", len(recs), err, acknowledged)
	}
}

func TestOpenOnReadOnlyDisk(t *testing.T) {
	dir := mount(t, "size=1m")
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
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
