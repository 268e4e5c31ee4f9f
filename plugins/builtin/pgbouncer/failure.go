package pgbouncer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
)

// classify gives an error of the console its class and says what to do.
func classify(resource string, err error) *plugins.Failure {
	if own, ok := errors.AsType[*plugins.Failure](err); ok {
		return own
	}
	f := &plugins.Failure{Class: plugins.Unavailable, Reason: fmt.Sprintf("the console of %s: %v", resource, err)}
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, context.Canceled):
		f.Class = plugins.Cancelled
	case errors.As(err, &pg) && isDenied(pg):
		f.Class = plugins.Denied
		f.Reason = fmt.Sprintf("the console of %s refuses this login (%s): list it in stats_users to look, in admin_users to change anything, and correct the secrets of the section pooler", resource, pg.Message)
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		f.Class = plugins.Timeout
	}
	return f
}

func isDenied(pg *pgconn.PgError) bool {
	return strings.HasPrefix(pg.Code, "28") ||
		strings.Contains(pg.Message, "admin access needed") || strings.Contains(pg.Message, "not allowed") ||
		strings.Contains(pg.Message, "no such user") || strings.Contains(pg.Message, "password authentication failed")
}
