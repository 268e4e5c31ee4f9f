package daemons

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// CloseFully closes conn, and returns when the server has closed its side: the
// next test counts clients, and chooses among them. It may be called twice.
// A server that has not done so within a minute fails the test.
func CloseFully(t testing.TB, conn *pgconn.PgConn) {
	t.Helper()
	if !conn.IsClosed() {
		conn.Frontend().Send(&pgproto3.Terminate{})
		err := errors.Join(conn.Conn().SetDeadline(time.Now().Add(time.Minute)), conn.Frontend().Flush())
		for err == nil {
			_, err = conn.Conn().Read(make([]byte, 512))
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a session does not end: %v", err)
		}
		_ = conn.Close(context.Background()) // the server has, or never will
	}
	<-conn.CleanupDone() // a statement that was cancelled closes it, and waits for the server
}
