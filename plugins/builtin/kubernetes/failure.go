package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/firebreak-ops/firebreak/plugins"
)

// explain gives an error of the API server a class and words. What RBAC does
// not grant is named as a rule would grant it.
func (c *cluster) explain(err error, verb, resource, name string) error {
	if err == nil {
		return nil
	}
	what := resource
	if name != "" {
		what += " " + name
	}
	class := plugins.Internal
	switch {
	case apierrors.IsForbidden(err):
		return &refusal{err, plugins.Fail(plugins.Denied,
			"may not %s %s in namespace %s: grant its Role the verb %q on %q, as in deploy/kubernetes (%s)",
			verb, what, c.namespace, verb, ruled(resource), message(err))}
	case apierrors.IsUnauthorized(err):
		return &refusal{err, plugins.Fail(plugins.Denied, "%s does not accept the credential: %s; is it expired?", c.host, message(err))}
	case apierrors.IsNotFound(err):
		class = plugins.NotFound
	case apierrors.IsConflict(err), apierrors.IsTooManyRequests(err):
		class = plugins.Conflict
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		class = plugins.Invalid
	case lost(err):
		class = plugins.Unavailable
	case errors.Is(err, context.DeadlineExceeded):
		class = plugins.Timeout
	}
	return &refusal{err, plugins.Fail(class, "%s %s in namespace %s of %s: %s", verb, what, c.namespace, c.host, message(err))}
}

// refusal keeps the server's error beside our words for it.
type refusal struct {
	cause error
	*plugins.Failure
}

func (r *refusal) Unwrap() []error { return []error{r.cause, r.Failure} }

// ruled is a resource as a Role names it, with its group.
func ruled(resource string) string {
	for name, group := range groups {
		if group != "" && (resource == name || len(resource) > len(name) && resource[:len(name)+1] == name+"/") {
			return resource + "." + group
		}
	}
	return resource
}

func message(err error) string {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	if status := apierrors.APIStatus(nil); errors.As(err, &status) && status.Status().Message != "" {
		return status.Status().Message
	}
	return err.Error()
}

// lost says whether the server may or may not have done what it was asked to:
// no answer came, or one that says as much.
func lost(err error) bool {
	if ne := net.Error(nil); errors.As(err, &ne) {
		return true
	}
	var ue *url.Error
	return errors.As(err, &ue) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) || apierrors.IsUnexpectedServerError(err)
}

func drift(format string, args ...any) error {
	return plugins.Fail(plugins.Drift, "%s; nothing was changed", fmt.Sprintf(format, args...))
}
