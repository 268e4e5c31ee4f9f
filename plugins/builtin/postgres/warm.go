package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	// sampleEvery is how often the work done is read, which keeps the
	// connection alive, too.
	sampleEvery  = time.Second
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 5 * time.Second
)

// errCold says that there is no warm connection just now.
var errCold = errors.New("no warm connection")

// warm keeps one connection open, so that the server can be read when it has
// no slot left. One goroutine owns the connection; do sends it work.
type warm struct {
	jobs   chan job
	cancel context.CancelFunc
	done   chan struct{}
}

type job struct {
	ctx   context.Context
	work  func(context.Context, *session) error
	reply chan error
}

func startWarm(config *pgx.ConnConfig) *warm {
	ctx, cancel := context.WithCancel(context.Background())
	w := &warm{jobs: make(chan job), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.keep(ctx, config)
	}()
	return w
}

// stop closes the connection and returns when it is closed.
func (w *warm) stop() {
	w.cancel()
	<-w.done
}

// do runs work on the warm connection, or returns errCold at once when there
// is none. It returns early when ctx ends. After an error of work the
// connection is made anew.
func (w *warm) do(ctx context.Context, work func(context.Context, *session) error) error {
	j := job{ctx: ctx, work: work, reply: make(chan error, 1)}
	select {
	case w.jobs <- j:
	case <-w.done:
		return errCold
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-j.reply
}

// keep connects, serves, and connects again, until ctx ends.
func (w *warm) keep(ctx context.Context, config *pgx.ConnConfig) {
	backoff := backoffFirst
	s := &session{} // what was seen before outlives a connection
	for ctx.Err() == nil {
		conn, attempt := w.open(ctx, config)
		if conn != nil {
			backoff = backoffFirst
			s.conn, s.opened = conn, &attempt.MS
			w.serve(ctx, s)
			closeNow(conn) //nolint:contextcheck // it is closed when ctx has ended, too
			continue
		}
		// Half of it is chance, so that many of us do not knock together.
		pause := time.NewTimer(backoff/2 + rand.N(backoff/2)) //nolint:gosec // spreads load, keeps no secret
		w.refuse(ctx, pause.C)
		pause.Stop()
		backoff = min(2*backoff, backoffMost)
	}
}

// open connects, and refuses work meanwhile. It returns nil without success.
func (w *warm) open(ctx context.Context, config *pgx.ConnConfig) (conn *pgx.Conn, attempt capability.Connect) {
	finished, done := make(chan time.Time, 1), make(chan struct{})
	go func() {
		conn, attempt = connect(ctx, config)
		close(done)
		finished <- time.Time{}
	}()
	w.refuse(ctx, finished)
	<-done
	return conn, attempt
}

// refuse answers work with errCold until the signal comes or ctx ends.
func (w *warm) refuse(ctx context.Context, until <-chan time.Time) {
	for {
		select {
		case j := <-w.jobs:
			j.reply <- errCold
		case <-until:
			return
		case <-ctx.Done():
			return
		}
	}
}

// serve does the work that comes, and samples in between,
// until ctx ends or the connection fails.
func (w *warm) serve(ctx context.Context, s *session) {
	sample := time.NewTicker(sampleEvery)
	defer sample.Stop()
	if s.sample(ctx) != nil {
		return
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-sample.C:
			err = s.sample(ctx)
		case j := <-w.jobs:
			jobCtx, cancel := context.WithCancel(j.ctx)
			release := context.AfterFunc(ctx, cancel)
			err = j.work(jobCtx, s) //nolint:contextcheck // the context of who asked; it ends with ours, too
			release()
			cancel()
			j.reply <- err
		}
		if err != nil {
			return
		}
	}
}

func closeNow(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_ = conn.Close(ctx) // it is given up either way
}
