package git

import (
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/document"
)

// change is an order worked out against one commit.
type change struct {
	order
	snapshot
	was capability.Scalar
	src []byte // the file after the change
}

// fingerprint is of one setting's value, whatever else the branch holds.
func fingerprint(setting string, v capability.Scalar) string {
	return plugins.Fingerprint(map[string]any{"setting": setting, "value": v})
}

func (c change) none() bool { return document.Same(c.was, c.To) }

// workOut makes the change that an order asks for from the file as it is in
// s. It is refused with class drift when the value is not what the order, or
// expect, says.
func (b *bound) workOut(o order, s snapshot, expect string) (change, error) {
	c := change{order: o, snapshot: s}
	keys, err := b.keys(o.Setting)
	if err != nil {
		return c, err
	}
	if c.was, err = b.value(s, o.Setting); err != nil {
		return c, err
	}
	if o.From != nil && !document.Same(c.was, *o.From) {
		return c, plugins.Fail(plugins.Drift, "%s is %s now, not %s: somebody changed it since; nothing was written", o.Setting, c.was, *o.From)
	}
	if expect != "" && expect != fingerprint(o.Setting, c.was) {
		return c, plugins.Fail(plugins.Drift, "%s is %s now, which is not what was seen when this was planned; nothing was written", o.Setting, c.was)
	}
	if c.src, err = s.doc.Set(keys, o.To); err != nil {
		return c, plugins.Fail(plugins.Invalid, "%s of %s: %v", b.path, b.repo.root, err)
	}
	return c, nil
}
