package capability

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// SettingsOrder is what a call that changes a setting asks for: by the input of
// settings.apply or settings.rollback, or by the receipt that an undo returns.
type SettingsOrder struct {
	Setting    string
	From       *Scalar // what the value must be now; nil: anything
	To         Scalar
	Verb       string // what it is, as the first words of a commit's message
	Undoes     string // the revision that is undone; may be empty
	LiveWithin time.Duration
	Waves      []Wave
	AllAtOnce  string   // why all replicas may take it at once
	Undo       bool     // it is asked for by a receipt
	Replicas   []string // of a receipt: undone are these alone; nil: all
}

// SettingsOrderOf reads what a mutating call of capability settings asks for.
// plugin is named in the error of an action that is none. It does not block.
func SettingsOrderOf(plugin string, call plugins.Call) (o SettingsOrder, err error) {
	if len(bytes.TrimSpace(call.Receipt)) > 0 {
		return orderOfReceipt(call)
	}
	switch call.Action {
	case "settings.apply":
		in, err := Input[ApplyInput](call.Action, call.Input)
		if err != nil {
			return o, err
		}
		return SettingsOrder{
			Setting: in.Setting, To: in.Value, Verb: "Set",
			LiveWithin: in.LiveWithin.Std(), Waves: in.Waves, AllAtOnce: in.AllAtOnce,
		}, nil
	case "settings.rollback":
		in, err := Input[RollbackInput](call.Action, call.Input)
		if err != nil {
			return o, err
		}
		c := in.Change
		return SettingsOrder{
			Setting: c.Setting, From: &c.After, To: c.Before, Verb: "Roll back", Undoes: c.Revision,
			LiveWithin: in.LiveWithin.Std(), Waves: in.Waves, AllAtOnce: in.AllAtOnce,
		}, nil
	}
	return o, plugins.Fail(plugins.Invalid, "plugin %s has no mutating action %q on settings", plugin, call.Action)
}

func orderOfReceipt(call plugins.Call) (o SettingsOrder, err error) {
	if call.Action != "settings.apply" {
		return o, plugins.Fail(plugins.Invalid, "%s takes no receipt; settings.apply does", call.Action)
	}
	var r SettingsReceipt
	if err := json.Unmarshal(call.Receipt, &r); err != nil || r.Setting == "" {
		return o, plugins.Fail(plugins.Invalid, "this is not a receipt of settings.apply or settings.rollback: %s", call.Receipt)
	}
	return SettingsOrder{
		Setting: r.Setting, From: &r.After, To: r.Before, Verb: "Undo: set", Undoes: r.Revision,
		Undo: true, Replicas: r.Replicas,
	}, nil
}

// Title says in one line what the order does to a value, as the first line of
// a commit's message. A value of several lines is on it as one.
func (o SettingsOrder) Title(from Scalar) string {
	text := fmt.Sprintf("%s %s to %s (was %s)", o.Verb, o.Setting, o.To, from)
	switch {
	case o.To.IsNull():
		text = fmt.Sprintf("%s %s: take it out (was %s)", o.Verb, o.Setting, from)
	case from.IsNull():
		text = fmt.Sprintf("%s %s to %s (was not set)", o.Verb, o.Setting, o.To)
	}
	return strings.Join(strings.Fields(text), " ")
}
