package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// session is one connection, and what was seen on it before.
type session struct {
	conn   *pgx.Conn
	past   past
	opened *float64 // milliseconds that opening conn took; nil: it is not known
}

// sample remembers the work done so far. It keeps the connection alive, too.
func (s *session) sample(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, warmWithin)
	defer cancel()
	var t throughput
	if err := t.scan(s.conn.QueryRow(ctx, sqlThroughput)); err != nil {
		return fmt.Errorf("reading pg_stat_database: %w", err)
	}
	s.past = s.past.with(t)
	return nil
}
