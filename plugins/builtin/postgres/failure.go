package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// SQLSTATEs that say that it is our login that is refused.
var deniedStates = map[string]bool{
	"28000": true, // invalid_authorization_specification
	"28P01": true, // invalid_password
	"42501": true, // insufficient_privilege
}

func unreachable(resource string, c capability.Connect) *plugins.Failure {
	f := &plugins.Failure{Class: plugins.Unavailable}
	switch {
	case deniedStates[c.SQLState]:
		f.Class = plugins.Denied
		f.Reason = fmt.Sprintf("%s refused the login (%s): %s; correct the secret of database.read", resource, c.SQLState, c.Text)
	case c.SQLState != "":
		f.Reason = fmt.Sprintf("%s refused a connection (%s): %s; none was open from before", resource, c.SQLState, c.Text)
	default:
		f.Reason = fmt.Sprintf("%s cannot be reached: %s; none was open from before", resource, c.Text)
	}
	return f
}

func readFailed(resource string, err error) *plugins.Failure {
	f := &plugins.Failure{Class: plugins.Unavailable, Reason: fmt.Sprintf("reading the catalogs of %s: %v", resource, err)}
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		f.Class = plugins.Timeout
	case errors.Is(err, context.Canceled):
		f.Class = plugins.Cancelled
	case errors.As(err, &pg) && pg.Code == "57014": // statement_timeout
		f.Class = plugins.Timeout
	case errors.As(err, &pg) && deniedStates[pg.Code]:
		f.Class = plugins.Denied
	}
	return f
}

func failed(err error) plugins.Outcome {
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
}
