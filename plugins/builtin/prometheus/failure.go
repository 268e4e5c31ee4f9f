package prometheus

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/firebreak-ops/firebreak/plugins"
)

// classOf says what an HTTP status means for a read.
func classOf(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return plugins.Denied
	case http.StatusNotFound:
		return plugins.NotFound
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return plugins.Invalid
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return plugins.Timeout
	}
	return plugins.Unavailable
}

// unanswered makes a failure of an error of the transport, without the
// address, which may hold a password.
func unanswered(ctx context.Context, name string, err error) *plugins.Failure {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return plugins.Fail(plugins.Cancelled, "reading %s was stopped", name)
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return plugins.Fail(plugins.Timeout, "%s did not answer in time", name)
	}
	return plugins.Fail(plugins.Unavailable, "%s cannot be reached: %v", name, err)
}
