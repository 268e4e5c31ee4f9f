package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/local"
)

func TestOneOwner(t *testing.T) {
	path := file(t)
	if _, owned, err := FindOwner(path); owned || err != nil {
		t.Fatalf("a file that does not exist: owned %v, %v", owned, err)
	}
	s := open(t, path)
	if err := s.Announce("/run/fb.sock"); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		_, err := Open(t.Context(), name)
		var owned *OwnedError
		if !errors.As(err, &owned) {
			t.Fatalf("a second owner of %s: %v", name, err)
		}
		if owned.Owner.PID != os.Getpid() || owned.Owner.Socket != "/run/fb.sock" || !strings.Contains(err.Error(), "talk to it through /run/fb.sock") {
			t.Errorf("it is told: %v", err)
		}
	}
	for _, name := range []string{path, link} {
		if o, owned, err := FindOwner(name); err != nil || !owned || o.PID != os.Getpid() || o.Socket != "/run/fb.sock" {
			t.Errorf("the owner of %s is %+v, %v, %v", name, o, owned, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, owned, err := FindOwner(path); owned || err != nil {
		t.Errorf("after the end: owned %v, %v", owned, err)
	}
	open(t, path)
}

// TestSecondName holds that a file with two names is owned by neither: each name
// has a lock and a log of its own, and what one owner has recorded the other
// writes over. What is only read, as a backup that shares its file with another
// snapshot, may have as many as it wants.
func TestSecondName(t *testing.T) {
	path := file(t)
	s := open(t, path)
	other := filepath.Join(t.TempDir(), "state.db")
	if err := os.Link(path, other); err != nil {
		t.Fatal(err)
	}
	refused := func(name string) {
		t.Helper()
		_, err := Open(t.Context(), name)
		var known *local.Error
		if !errors.As(err, &known) || known.Class() != local.ClassJournal || !strings.Contains(err.Error(), "hard link") || !strings.Contains(known.Hint(), "-samefile ") {
			t.Errorf("an owner of %s beside its other name: %v", name, err)
		}
	}
	refused(other) // while one lives that came by the first name
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused(path)
	r, err := Read(t.Context(), other)
	if err != nil {
		t.Fatal("to read it needs no single name:", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

// Somebody who only looks for the owner keeps nobody from becoming it.
func TestLookersDoNotLock(t *testing.T) {
	path := file(t)
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	looked := make(chan error, 1)
	go func() {
		for {
			select {
			case <-done:
				looked <- nil
				return
			default:
			}
			if _, _, err := FindOwner(path); err != nil {
				looked <- err
				return
			}
		}
	}()
	for range 20 {
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Error(err)
			break
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	close(done)
	if err := <-looked; err != nil {
		t.Error(err)
	}
}
