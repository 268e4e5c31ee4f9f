package kubernetes

import (
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// order is what a mutating call asks for, of a place.
type order struct {
	capability.SettingsOrder

	call       string
	place      place
	approvedBy []string
}

func (s *settings) orderOf(call plugins.Call) (order, error) {
	asked, err := capability.SettingsOrderOf("kubernetes", call)
	if err == nil {
		err = capability.NoWaves("one ConfigMap", asked.Waves)
	}
	o := order{asked, call.ID, s.place, call.Origin.ApprovedBy}
	if err != nil {
		return o, err
	}
	if o.Undo {
		o.AllAtOnce = "what it undoes was"
	}
	o.To = s.place.normal(o.To)
	return o, s.place.check(o.Setting)
}

// check compares the value with what the order, and expect, say of it.
func (o order) check(was capability.Scalar, expect string) error {
	if o.From != nil && was != o.place.normal(*o.From) {
		return drift("%s is %s now, not %s: somebody changed it since", o.Setting, was, *o.From)
	}
	if expect != "" && expect != fingerprint(o.Setting, was) {
		return drift("%s is %s now, which is not what was seen when this was planned", o.Setting, was)
	}
	return nil
}

// fingerprint is of one setting's value, whatever else the ConfigMap holds.
func fingerprint(setting string, v capability.Scalar) string {
	return plugins.Fingerprint(map[string]any{"setting": setting, "value": v})
}
