package daemons

import (
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// TestCloseFully holds that it reads to the end what a server has to say before
// it closes its side.
func TestCloseFully(t *testing.T) {
	near, far := net.Pipe()
	config, err := pgconn.ParseConfig("postgres://app@127.0.0.1/appdb")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgconn.Construct(&pgconn.HijackedConn{Conn: near, Frontend: pgproto3.NewFrontend(near, near), TxStatus: 'I', Config: config})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1)
	go func() {
		defer far.Close()
		_, err := io.ReadFull(far, make([]byte, 5)) // that it is to end
		go io.Copy(io.Discard, far)                 //nolint:errcheck // nothing else counts
		if err == nil {
			_, err = far.Write([]byte("there is more")) // fails where nobody reads on
		}
		told <- err
	}()
	CloseFully(t, conn)
	if err := <-told; err != nil {
		t.Errorf("it was closed before the server had: %v", err)
	}
	CloseFully(t, conn)
	if !conn.IsClosed() {
		t.Error("it is open")
	}
}
