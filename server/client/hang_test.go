package client

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An owner that takes a request and does not begin to answer is told of by its
// process, and is not waited for without end.
func TestAnOwnerThatHangs(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // nobody accepts: the system takes the request
	c := newClient(socket, time.Millisecond).Of(4711)
	defer c.Close()
	_, err = c.Health(t.Context())
	var e *UnreachableError
	if !errors.As(err, &e) || !e.Hangs() {
		t.Fatalf("the error is %v", err)
	}
	if text := e.Error() + "; " + e.Hint(); !strings.Contains(text, "process 4711") || !strings.Contains(text, "kill -KILL 4711") {
		t.Errorf("it says: %s", text)
	}
}

// Where nobody listens nobody hangs.
func TestNobodyIsThere(t *testing.T) {
	c := newClient(filepath.Join(t.TempDir(), "none.sock"), patience)
	_, err := c.Health(t.Context())
	var e *UnreachableError
	if !errors.As(err, &e) || e.Hangs() {
		t.Fatalf("the error is %v", err)
	}
	if !strings.Contains(e.Hint(), "try again") {
		t.Errorf("the hint is %s", e.Hint())
	}
	far, err := NewRemote(Remote{URL: "http://127.0.0.1:1", Token: "fb"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = far.Health(t.Context()); !errors.As(err, &e) || !strings.Contains(e.Hint(), "firebreak serve") {
		t.Errorf("far away: %v", err)
	}
}
