package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	connectWithin = 1500 * time.Millisecond
	retryEvery    = 300 * time.Millisecond
)

// connect opens a connection and says how that went. The connection is nil
// unless the attempt was ok.
func connect(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, capability.Connect) {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	start := time.Now()
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	attempt := capability.Connect{OK: err == nil, MS: float64(time.Since(start).Microseconds()) / 1000}
	if err == nil {
		return conn, attempt
	}
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		attempt.SQLState, attempt.Text = pg.Code, pg.Message
	case pgconn.Timeout(err) || ctx.Err() != nil:
		attempt.Text = fmt.Sprintf("no connection within %s", time.Since(start).Round(time.Millisecond))
	default:
		attempt.Text = err.Error()
	}
	return nil, attempt
}

// connectAgain goes on trying until ctx ends: in a storm of reconnects the
// reserved slots are taken for moments only. last is the attempt before.
func connectAgain(ctx context.Context, config *pgx.ConnConfig, last capability.Connect) (*pgx.Conn, capability.Connect) {
	for !deniedStates[last.SQLState] {
		select {
		case <-ctx.Done():
			return nil, last
		case <-time.After(retryEvery):
		}
		conn, attempt := connect(ctx, config)
		if conn != nil {
			return conn, attempt
		}
		if ctx.Err() == nil {
			last = attempt
		}
	}
	return nil, last
}
