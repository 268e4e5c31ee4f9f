package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// share is how many jobs one transaction takes at most, so that the last one
// to come does not wait for ever.
const share = 256

// beatEvery is how often an owner that drives runs leaves word that it does.
const beatEvery = 5 * time.Second

// writer writes its part of a transaction. It either writes all of it or is
// [refused] before it has written anything; every other error is that of the
// whole transaction.
type writer func(ctx context.Context, tx *sql.Tx) error

// job is something to be written.
type job struct {
	write writer
	own   error // why this job alone is refused
	done  chan error
}

// refused is an error of one job, which leaves the transaction as it was.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// do hands a job to the committer and waits until it is durable.
func (s *Store) do(ctx context.Context, write writer) error {
	j := &job{write: write, done: make(chan error, 1)}
	select {
	case s.jobs <- j:
	case <-s.closed:
		return local.NewError(local.ClassClosed, "the state file "+s.path+" is closed", "", nil)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-j.done:
		return err
	case <-s.ended:
		select {
		case err := <-j.done:
			return err
		default:
			return local.NewError(local.ClassClosed, "the state file "+s.path+" is closed", "", nil)
		}
	}
}

// commit is the one goroutine that writes. Whatever waits when it comes round
// goes into one transaction.
//
//nolint:contextcheck,nolintlint // it serves many callers, and ends with Close
func (s *Store) commit() {
	defer close(s.ended)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		var jobs []*job
		select {
		case j := <-s.jobs:
			jobs = append(jobs, j)
		case <-beat.C:
			if !s.driving() {
				continue
			}
			jobs = append(jobs, &job{write: s.writeBeat, done: make(chan error, 1)})
		case <-s.closed:
			if len(s.jobs) == 0 {
				return
			}
		}
		jobs = s.gather(jobs)
		err := explain("write", s.path, s.transact(jobs))
		for _, j := range jobs {
			if err == nil {
				j.done <- j.own
			} else {
				j.done <- err
			}
		}
	}
}

// gather adds whatever else is waiting.
func (s *Store) gather(jobs []*job) []*job {
	for len(jobs) < share {
		select {
		case j := <-s.jobs:
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

// transact writes jobs in one transaction, if the file is still ours.
func (s *Store) transact(jobs []*job) error {
	ctx := context.Background() // half a transaction helps nobody
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	var generation int
	var links int64
	var head []byte
	if err := s.stmt.meta.QueryRowContext(ctx).Scan(&generation, &links, &head); err != nil {
		return err
	}
	s.mu.Lock()
	ours := s.generation
	s.mu.Unlock()
	if ours != 0 && generation != ours {
		return fmt.Errorf("generation %d has taken the state file %s from ours, %d: %w", generation, s.path, ours, local.ErrFenced)
	}
	s.wrote = s.wrote[:0]
	for _, j := range jobs {
		err := j.write(ctx, tx)
		if own, ok := errors.AsType[refused](err); ok {
			j.own = own.error
			continue
		}
		if err != nil {
			return err
		}
	}
	if len(s.wrote) > 0 {
		if err := s.link(ctx, links+1, toSum(head)); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.mu.Lock()
	s.commits++
	s.mu.Unlock()
	return nil
}

// link adds what the transaction wrote to the log, as its n-th link.
func (s *Store) link(ctx context.Context, n int64, before sum) error {
	entries := pack(s.wrote)
	if _, err := s.stmt.link.ExecContext(ctx, n, entries); err != nil {
		return err
	}
	head := before.head(n, entries)
	_, err := s.stmt.log.ExecContext(ctx, n, head[:])
	return err
}
