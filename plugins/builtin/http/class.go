package http

import (
	"context"
	"errors"
	"net/http"

	"github.com/firebreak-ops/firebreak/plugins"
)

// verdict is what an answer says of a request.
type verdict struct {
	class   string          // empty: it succeeded
	applied plugins.Applied // of a mutation
}

// verdictOf is the one table of what a status means. A server that refused a
// request has not done it; one that failed, or a gateway that lost its
// server, may have. A 503 says which of the two it is by Retry-After, which
// proxies do not send when the answer got lost behind them. A redirect that
// says to look elsewhere is what many answer to a request that they carried
// out; 307 and 308 say to send it again.
func verdictOf(status int, header http.Header) verdict {
	switch status {
	case http.StatusMultipleChoices, http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		return verdict{plugins.Invalid, plugins.Unknown}
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return verdict{plugins.Denied, plugins.None}
	case http.StatusNotFound, http.StatusGone:
		return verdict{plugins.NotFound, plugins.None}
	case http.StatusRequestTimeout:
		return verdict{plugins.Timeout, plugins.None}
	case http.StatusConflict, http.StatusLocked:
		return verdict{plugins.Conflict, plugins.None}
	case http.StatusPreconditionFailed:
		return verdict{plugins.Drift, plugins.None}
	case http.StatusTooEarly, http.StatusTooManyRequests:
		return verdict{plugins.Unavailable, plugins.None}
	case http.StatusServiceUnavailable:
		if header.Get("Retry-After") != "" {
			return verdict{plugins.Unavailable, plugins.None}
		}
		return verdict{plugins.Unavailable, plugins.Unknown}
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return verdict{plugins.Invalid, plugins.None}
	case http.StatusGatewayTimeout:
		return verdict{plugins.Timeout, plugins.Unknown}
	}
	switch {
	case status >= 200 && status < 300:
		return verdict{"", plugins.All}
	case status >= 500:
		return verdict{plugins.Unavailable, plugins.Unknown}
	}
	return verdict{plugins.Invalid, plugins.None}
}

// verdictOn is that of a request without an answer. sent says whether a
// connection was there to send it on.
func verdictOn(err error, sent bool) verdict {
	v := verdict{plugins.Unavailable, plugins.None}
	if sent {
		v.applied = plugins.Unknown
	}
	switch {
	case errors.Is(err, context.Canceled):
		v.class = plugins.Cancelled
	case errors.Is(err, context.DeadlineExceeded):
		v.class = plugins.Timeout
	}
	return v
}
