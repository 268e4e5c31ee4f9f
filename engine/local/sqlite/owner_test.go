package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
