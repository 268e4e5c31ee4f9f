package host

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/plugins"
)

// maxOutput bounds the outputs of a call, and its receipt, in bytes.
const maxOutput = 256 << 10

// maxName bounds a fingerprint and the identity of a resource, in bytes.
const maxName = 1 << 10

var classes = []string{
	plugins.Timeout, plugins.Unavailable, plugins.Invalid, plugins.Denied, plugins.Drift, plugins.Conflict,
	plugins.NotFound, plugins.Inconclusive, plugins.Cancelled, plugins.Internal,
}

// judge makes what a plugin reported fit to be recorded. What is wrong with
// the report fails the call; it never changes how much was applied.
func (h *Host) judge(t *target, o plugins.Outcome) plugins.Outcome {
	a := t.action
	o.Applied = applied(a, o)
	if o.Failure != nil {
		o.Failure = h.tidy(o.Failure)
	} else if o.Applied == plugins.Unknown || o.Applied == plugins.Partial {
		o.Failure = plugins.Fail(plugins.Internal, "the plugin said that it succeeded, and that its effect is %s", o.Applied)
	}
	problem := h.unfit(o.Outputs)
	if problem == "" && o.Failure == nil {
		if err := a.output.check(o.Outputs); err != nil {
			problem = h.masks.text(err.Error())
		}
	}
	if problem != "" {
		o.Outputs = nil
		o.Failure = worse(o.Failure, "the outputs of "+a.Name+": "+problem)
	}
	if problem := h.unfit(o.Receipt); problem != "" {
		o.Receipt = nil
		o.Failure = worse(o.Failure, "the receipt of "+a.Name+", which is dropped: "+problem)
	}
	if problem := h.misnamed(o.Left); problem != "" {
		o.Left = ""
		o.Failure = worse(o.Failure, "the fingerprint that "+a.Name+" left, which is dropped: "+problem)
	}
	return o
}

// applied reads an effect that was not said as the worst that it can be.
func applied(a *action, o plugins.Outcome) plugins.Applied {
	switch {
	case !a.mutates():
		return plugins.None
	case o.Applied != "":
		return o.Applied
	case o.Failure == nil:
		return plugins.All
	}
	return plugins.Unknown
}

// unfit says why raw may not be recorded; empty: it may.
func (h *Host) unfit(raw json.RawMessage) string {
	switch {
	case len(raw) == 0:
		return ""
	case len(raw) > maxOutput:
		return fmt.Sprintf("%d bytes, more than the %d allowed", len(raw), maxOutput)
	case !json.Valid(raw):
		return "not JSON"
	case h.masks.in(raw):
		return "it contains a secret"
	}
	return ""
}

// misnamed says why a name may not be recorded, of a resource or of a state;
// empty: it may.
func (h *Host) misnamed(name string) string {
	switch {
	case len(name) > maxName:
		return fmt.Sprintf("%d bytes, more than the %d allowed", len(name), maxName)
	case h.masks.show(name):
		return "it contains a secret"
	}
	return ""
}

func (h *Host) tidy(f *plugins.Failure) *plugins.Failure {
	class := f.Class
	if !slices.Contains(classes, class) {
		class = plugins.Internal
	}
	return plugins.Fail(class, "%s", h.masks.say(f.Reason))
}

// worse is the failure of a report that is unfit, the plugin's own said with it.
func worse(own *plugins.Failure, problem string) *plugins.Failure {
	if own == nil {
		return plugins.Fail(plugins.Invalid, "%s", problem)
	}
	return plugins.Fail(own.Class, "%s; also, %s", own.Reason, problem)
}
