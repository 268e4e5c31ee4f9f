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
	setting    string
	from       *capability.Scalar // what the value must be now; nil: anything
	to         capability.Scalar
	why        string // the first words of the commit's message
	undoes     string // the revision that is undone; may be empty
	liveWithin time.Duration
}

func orderOf(call plugins.Call) (order, error) {
	o := order{call: call.ID}
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

const (
	callTrailer = "Firebreak-Call: "
	runTrailer  = "Firebreak-Run: "
)

// message is the commit's message. Its trailers name the run, for people, and
// the call, so that a probe can find the commit.
func (o order) message(from capability.Scalar) string {
	text := o.title(from) + "\n\n"
	if o.undoes != "" {
		text += "Undoes: " + o.undoes + "\n"
	}
	if run, _, ok := strings.Cut(o.call, "/"); ok {
		text += runTrailer + run + "\n"
	}
	return text + callTrailer + o.call + "\n"
}
