package git

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func (b *bound) Plan(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	o, err := orderOf(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	if err := b.pull(ctx); err != nil {
		return plugins.Plan{}, err
	}
	s, err := b.head()
	if err != nil {
		return plugins.Plan{}, err
	}
	c, err := b.workOut(o, s, call.Expect)
	if err != nil {
		return plugins.Plan{}, err
	}
	if _, err := b.checkout(s); err != nil {
		return plugins.Plan{}, err
	}
	binding, err := plugins.Canonical(capability.SettingsBinding{Resource: b.Resource(), Setting: o.Setting, From: &c.was, To: o.To})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(c.receipt(s.commit.Hash.String()))
	if err != nil {
		return plugins.Plan{}, err
	}
	p := plugins.Plan{
		Binding: binding, Fingerprint: fingerprint(o.Setting, c.was), Undo: undo, Resource: b.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "settings", Affected: 1},
		Detail:      unified(b.path, s.doc.Bytes(), c.src),
	}
	if c.none() {
		p.BlastRadius.Affected = 0
		p.Detail = fmt.Sprintf("%s is %s already: nothing to write\n", o.Setting, c.was)
	}
	return p, nil
}

func (c change) receipt(revision string) capability.SettingsReceipt {
	return capability.SettingsReceipt{Setting: c.Setting, Before: c.was, After: c.To, Revision: revision}
}
