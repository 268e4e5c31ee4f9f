package git

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// order is what a mutating call asks for.
type order struct {
	call       string
	origin     plugins.Origin
	setting    string
	from       *capability.Scalar // what the value must be now; nil: anything
	to         capability.Scalar
	why        string // the first words of the commit's message
	undoes     string // the revision that is undone; may be empty
	liveWithin time.Duration
}

func orderOf(call plugins.Call) (order, error) {
	o := order{call: call.ID, origin: call.Origin}
	if len(bytes.TrimSpace(call.Receipt)) > 0 {
		if call.Action != "settings.apply" {
			return o, plugins.Fail(plugins.Invalid, "%s takes no receipt; settings.apply does", call.Action)
		}
		var r capability.SettingsReceipt
		if err := json.Unmarshal(call.Receipt, &r); err != nil || r.Setting == "" {
			return o, plugins.Fail(plugins.Invalid, "this is not a receipt of settings.apply or settings.rollback: %s", call.Receipt)
		}
		o.setting, o.from, o.to, o.why, o.undoes = r.Setting, &r.After, r.Before, "Undo: set", r.Revision
		return o, nil
	}
	switch call.Action {
	case "settings.apply":
		in, err := capability.Input[capability.ApplyInput](call.Action, call.Input)
		if err != nil {
			return o, err
		}
		o.setting, o.to, o.why, o.liveWithin = in.Setting, in.Value, "Set", in.LiveWithin.Std()
		if err := capability.NoWaves("one file", in.Waves); err != nil {
			return o, err
		}
	case "settings.rollback":
		in, err := capability.Input[capability.RollbackInput](call.Action, call.Input)
		if err != nil {
			return o, err
		}
		c := in.Change
		o.setting, o.from, o.to, o.why, o.undoes, o.liveWithin = c.Setting, &c.After, c.Before, "Roll back", c.Revision, in.LiveWithin.Std()
		if err := capability.NoWaves("one file", in.Waves); err != nil {
			return o, err
		}
	default:
		return o, plugins.Fail(plugins.Invalid, "plugin git has no mutating action %q", call.Action)
	}
	return o, nil
}

// title is the first line of the commit's message.
func (o order) title(from capability.Scalar) string {
	switch {
	case o.to.IsNull():
		return fmt.Sprintf("%s %s: take it out (was %s)", o.why, o.setting, from)
	case from.IsNull():
		return fmt.Sprintf("%s %s to %s (was not set)", o.why, o.setting, o.to)
	}
	return fmt.Sprintf("%s %s to %s (was %s)", o.why, o.setting, o.to, from)
}

// The trailers of a commit's message.
const (
	callTrailer      = "Firebreak-Call: "
	runTrailer       = "Firebreak-Run: "
	requestedTrailer = "Requested-by: "
	approvedTrailer  = "Approved-by: "
)

// message is the commit's message. Its trailers name, for people, the run and
// on whose word it was made, and the call, so that a probe can find the commit.
func (o order) message(from capability.Scalar) string {
	body, trailers := "", []string(nil)
	if o.undoes != "" {
		trailers = append(trailers, "Undoes: "+o.undoes)
	}
	if o.origin.RequestedBy != "" {
		trailers = append(trailers, requestedTrailer+line(o.origin.RequestedBy))
	}
	for _, name := range o.origin.ApprovedBy {
		trailers = append(trailers, approvedTrailer+line(name))
	}
	if o.origin.Run != "" {
		trailers = append(trailers, runTrailer+line(o.origin.Run))
		body = "Made by firebreak in run " + line(o.origin.Run)
		if len(o.origin.ApprovedBy) > 0 {
			body += ", approved by " + line(strings.Join(o.origin.ApprovedBy, ", "))
		}
		body += ".\n\n"
	}
	trailers = append(trailers, callTrailer+o.call)
	return o.title(from) + "\n\n" + body + strings.Join(trailers, "\n") + "\n"
}

// author is who the commit is by: firebreak, for those who approved it.
func (o order) author() string {
	if len(o.origin.ApprovedBy) == 0 {
		return author
	}
	// What git takes for the end of a name may not stand in one.
	return author + " for " + strings.NewReplacer("<", "", ">", "").Replace(line(strings.Join(o.origin.ApprovedBy, ", ")))
}

// line is text that cannot begin another line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }
