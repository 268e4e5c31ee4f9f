package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// session is one connection, and what was seen on it before.
type session struct {
	conn *pgx.Conn
	last *throughput
}

// throughput is the work that a database has done since its statistics began.
type throughput struct {
	commits int64
	rows    int64
	at      time.Time
}

const sqlThroughput = `
select xact_commit, tup_returned + tup_fetched, clock_timestamp()
from pg_stat_database where datname = current_database()`

// sample remembers the work done so far. It keeps the connection alive, too.
func (s *session) sample(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, warmWithin)
	defer cancel()
	var t throughput
	if err := s.conn.QueryRow(ctx, sqlThroughput).Scan(&t.commits, &t.rows, &t.at); err != nil {
		return fmt.Errorf("reading pg_stat_database: %w", err)
	}
	s.last = &t
	return nil
}

// rowsPerCommit compares with the sample before, and is nil when there is
// none or nothing was committed.
func (t throughput) rowsPerCommit(before *throughput) *float64 {
	if before == nil || t.commits <= before.commits || t.rows < before.rows {
		return nil
	}
	v := float64(t.rows-before.rows) / float64(t.commits-before.commits)
	return &v
}
