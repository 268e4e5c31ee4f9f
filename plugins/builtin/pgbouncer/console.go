package pgbouncer

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// console keeps one connection to PgBouncer's console. It may be used from
// many goroutines; their commands take turns.
type console struct {
	config *pgconn.Config
	within time.Duration  // for one connection
	turn   chan struct{}  // holds one token: who has it may use conn
	conn   *pgconn.PgConn // nil: none is open
}

func newConsole(c *pgconn.Config, within time.Duration) *console {
	o := &console{config: c, within: within, turn: make(chan struct{}, 1)}
	o.turn <- struct{}{}
	return o
}

// do has work use the console, and once more over a fresh connection when the
// one kept open fails. work may therefore run twice. It blocks until ctx ends.
func (o *console) do(ctx context.Context, work func(context.Context, *pgconn.PgConn) error) error {
	return o.taken(ctx, func() error {
		if o.conn != nil {
			err := o.try(ctx, work)
			if err == nil || o.conn != nil || ctx.Err() != nil {
				return err
			}
		}
		return o.try(ctx, work)
	})
}

// once is do for what may not be done twice: whether the connection kept open
// is alive is found out before.
func (o *console) once(ctx context.Context, work func(context.Context, *pgconn.PgConn) error) error {
	return o.taken(ctx, func() error {
		if o.conn != nil && o.try(ctx, knock) != nil {
			o.drop() //nolint:contextcheck // it is closed when ctx has ended, too
		}
		return o.try(ctx, work)
	})
}

// knock asks for what costs nothing.
func knock(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := show(ctx, conn, "VERSION")
	return err
}

func (o *console) taken(ctx context.Context, f func() error) error {
	select {
	case <-o.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { o.turn <- struct{}{} }()
	return f()
}

// try connects if need be. A connection that fails is given up.
func (o *console) try(ctx context.Context, work func(context.Context, *pgconn.PgConn) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, o.within)
	defer cancel()
	if o.conn == nil {
		if o.conn, err = pgconn.ConnectConfig(ctx, o.config); err != nil {
			o.conn = nil
			return err
		}
	}
	err = work(ctx, o.conn)
	if o.conn.IsClosed() || ctx.Err() != nil {
		o.drop() //nolint:contextcheck // it is closed when ctx has ended, too
	}
	return err
}

func (o *console) drop() {
	if o.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_ = o.conn.Close(ctx) // it is given up either way
	o.conn = nil
}

// close gives the connection up for good. Nothing may use the console after.
func (o *console) close() {
	<-o.turn
	o.drop()
}
