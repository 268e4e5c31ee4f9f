package daemons

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// bound binds a port as who is given any does: alone.
func bound(address string) error {
	alone := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0)
		}), err)
	}}
	l, err := alone.Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// TestPortIsKept is why nobody takes a server's port while its files are made,
// or while it is started again.
func TestPortIsKept(t *testing.T) {
	d, err := prepare()
	defer d.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if err := bound(d.Address()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("before the server is there, the port is anybody's: %v", err)
	}
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: d.Port}, Timeout: time.Minute}
	if conn, err := from.DialContext(t.Context(), "tcp", "127.0.0.1:1"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("somebody connects from the port: %v, %v", conn, err)
	}
}

// TestPortIsTheServers has a server bind the port that is kept for it, twice.
func TestPortIsTheServers(t *testing.T) {
	d, err := Redis()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("no redis-server: nothing was started")
	}
	defer d.Stop()
	if err != nil {
		t.Fatal(err)
	}
	err = d.Restart(func() error {
		if err := bound(d.Address()); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("while the server is away, the port is anybody's: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
