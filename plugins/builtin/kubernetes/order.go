package kubernetes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// order is what a mutating call asks for.
type order struct {
	call       string
	place      place
	approvedBy []string
	setting    string
	from       *capability.Scalar // what the value must be now; nil: anything
	to         capability.Scalar
	why        string // the first words of its title
	liveWithin time.Duration
	atOnce     string // why all pods may be replaced at once
}

func (s *settings) orderOf(call plugins.Call) (order, error) {
	o := order{call: call.ID, place: s.place, approvedBy: call.Origin.ApprovedBy}
	switch {
	case len(bytes.TrimSpace(call.Receipt)) > 0:
		if call.Action != "settings.apply" {
			return o, plugins.Fail(plugins.Invalid, "%s takes no receipt; settings.apply does", call.Action)
		}
		var r capability.SettingsReceipt
		if err := json.Unmarshal(call.Receipt, &r); err != nil || r.Setting == "" {
			return o, plugins.Fail(plugins.Invalid, "this is not a receipt of settings.apply or settings.rollback: %s", call.Receipt)
		}
		o.setting, o.from, o.to, o.why, o.atOnce = r.Setting, &r.After, r.Before, "Undo: set", "what it undoes was"
	case call.Action == "settings.apply":
		in, err := capability.Input[capability.ApplyInput](call.Action, call.Input)
		if err != nil {
			return o, err
		}
		o.setting, o.to, o.why, o.liveWithin = in.Setting, in.Value, "Set", in.LiveWithin.Std()
		o.atOnce = in.AllAtOnce
		if err := capability.NoWaves("one ConfigMap", in.Waves); err != nil {
			return o, err
		}
	case call.Action == "settings.rollback":
		in, err := capability.Input[capability.RollbackInput](call.Action, call.Input)
		if err != nil {
			return o, err
		}
		c := in.Change
		o.setting, o.from, o.to, o.why, o.liveWithin = c.Setting, &c.After, c.Before, "Roll back", in.LiveWithin.Std()
		o.atOnce = in.AllAtOnce
		if err := capability.NoWaves("one ConfigMap", in.Waves); err != nil {
			return o, err
		}
	default:
		return o, plugins.Fail(plugins.Invalid, "plugin kubernetes has no mutating action %q", call.Action)
	}
	o.to = s.place.normal(o.to)
	return o, s.place.check(o.setting)
}

// title says what was done, as a commit's first line would.
func (o order) title(from capability.Scalar) string {
	switch {
	case o.to.IsNull():
		return fmt.Sprintf("%s %s: take it out (was %s)", o.why, o.setting, from)
	case from.IsNull():
		return fmt.Sprintf("%s %s to %s (was not set)", o.why, o.setting, o.to)
	}
	return fmt.Sprintf("%s %s to %s (was %s)", o.why, o.setting, o.to, from)
}

// check compares the value with what the order, and expect, say of it.
func (o order) check(was capability.Scalar, expect string) error {
	if o.from != nil && was != o.place.normal(*o.from) {
		return drift("%s is %s now, not %s: somebody changed it since", o.setting, was, *o.from)
	}
	if expect != "" && expect != fingerprint(o.setting, was) {
		return drift("%s is %s now, which is not what was seen when this was planned", o.setting, was)
	}
	return nil
}

// fingerprint is of one setting's value, whatever else the ConfigMap holds.
func fingerprint(setting string, v capability.Scalar) string {
	return plugins.Fingerprint(map[string]any{"setting": setting, "value": v})
}
