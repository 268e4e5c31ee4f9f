package host

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/firebreak-ops/firebreak/plugins"
)

// broken says in words, and with a class, why a plugin did not answer: the
// one place where the ways of losing it are told apart.
func (h *Host) broken(p *process, method string, err error) *plugins.Failure {
	said := status.Convert(err)
	code := said.Code()
	if code == codes.Canceled && p.closing.Load() {
		code = codes.Unavailable // not the caller's doing
	}
	var f *plugins.Failure
	switch code {
	case codes.DeadlineExceeded:
		f = plugins.Fail(plugins.Timeout, "plugin %s did not answer %s in time", p.name, method)
	case codes.Canceled:
		f = plugins.Fail(plugins.Cancelled, "%s of plugin %s was given up", method, p.name)
	case codes.Unavailable:
		f = plugins.Fail(plugins.Unavailable, "plugin %s was lost during %s: %s", p.name, method, h.cause(p, said.Message()))
	case codes.FailedPrecondition:
		f = plugins.Fail(plugins.Unavailable, "plugin %s refused %s: %s", p.name, method, said.Message())
	case codes.AlreadyExists:
		f = plugins.Fail(plugins.Conflict, "plugin %s refused %s: %s", p.name, method, said.Message())
	case codes.Unimplemented:
		f = plugins.Fail(plugins.Invalid, "plugin %s does not know %s; it was built for another version of the contract", p.name, method)
	case codes.ResourceExhausted:
		f = plugins.Fail(plugins.Invalid, "plugin %s, %s: a message is too large: %s", p.name, method, said.Message())
	default:
		f = plugins.Fail(plugins.Internal, "plugin %s, %s: %s", p.name, method, said.Message())
	}
	f.Reason = h.masks.say(f.Reason)
	return f
}

func (h *Host) cause(p *process, otherwise string) string {
	if err := p.obituary(); err != nil {
		return err.Error()
	}
	return otherwise
}

// lost is the outcome of a run whose answer never came. Once the call was
// sent, only a plugin that says it refused the call is proof that nothing
// was changed.
func (h *Host) lost(t *target, sent bool, err error) plugins.Outcome {
	applied := plugins.None
	if sent && t.action.mutates() {
		switch status.Code(err) {
		case codes.Unimplemented, codes.FailedPrecondition:
		default:
			applied = plugins.Unknown
		}
	}
	return plugins.Outcome{Failure: h.broken(t.process, t.action.Name, err), Applied: applied}
}

// refused is the outcome of a run that was never sent.
func refused(err error) plugins.Outcome {
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
}

func unexpected(t *target, format string, args ...any) plugins.Outcome {
	applied := plugins.None
	if t.action.mutates() {
		applied = plugins.Unknown
	}
	reason := fmt.Sprintf(format, args...)
	return plugins.Outcome{
		Failure: plugins.Fail(plugins.Internal, "plugin %s, %s: %s", t.process.name, t.action.Name, reason),
		Applied: applied,
	}
}
