package git

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const maxProbed = 2000 // commits looked at for that of a lost call

// Probe looks for the commit that the call would have made, and else at the
// value.
func (b *bound) Probe(ctx context.Context, call plugins.Call, undo json.RawMessage) plugins.Probed {
	probed, err := again(func() (plugins.Probed, error) { return b.probe(ctx, call, undo) })
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	return probed
}

func (b *bound) probe(ctx context.Context, call plugins.Call, undo json.RawMessage) (plugins.Probed, error) {
	var planned capability.SettingsReceipt
	if err := json.Unmarshal(undo, &planned); err != nil || planned.Setting == "" {
		return plugins.Probed{}, fmt.Errorf("the plan of call %s left no receipt to look by", call.ID)
	}
	s, err := b.readHead()
	if err != nil {
		return plugins.Probed{}, err
	}
	now, err := b.value(s, planned.Setting)
	if err != nil {
		return plugins.Probed{}, err
	}
	made, err := find(ctx, s, call.ID, plumbing.NewHash(planned.Revision))
	if err != nil {
		return plugins.Probed{}, err
	}
	switch {
	case made != nil:
		return b.happened(planned, made.Hash.String(), "commit "+made.Hash.String()+" was made by this call")
	case same(now, planned.Before):
		return plugins.Probed{Applied: plugins.None, Left: fingerprint(planned.Setting, now), Reason: fmt.Sprintf("%s is still %s", planned.Setting, now)}, nil
	case same(now, planned.After):
		return b.happened(planned, s.commit.Hash.String(), fmt.Sprintf("%s is %s now", planned.Setting, now))
	}
	return plugins.Probed{Applied: plugins.Unknown, Reason: fmt.Sprintf("%s is %s now: neither what it was, %s, nor what it was to be, %s", planned.Setting, now, planned.Before, planned.After)}, nil
}

func (b *bound) happened(planned capability.SettingsReceipt, revision, reason string) (plugins.Probed, error) {
	planned.Revision = revision
	receipt, err := json.Marshal(planned)
	if err != nil {
		return plugins.Probed{}, err
	}
	outputs, err := json.Marshal(capability.ApplyOutput{
		Observed: b.observed(), Setting: planned.Setting, From: planned.Before, To: planned.After, Revision: revision,
	})
	return plugins.Probed{
		Applied: plugins.All, Outputs: outputs, Receipt: receipt, Left: fingerprint(planned.Setting, planned.After), Reason: reason,
	}, err
}

// find looks for the commit of a call among those made since the plan.
func find(ctx context.Context, s snapshot, call string, since plumbing.Hash) (*object.Commit, error) {
	seen := map[plumbing.Hash]bool{since: true}
	next := []*object.Commit{s.commit}
	for n := 0; len(next) > 0 && n < maxProbed; n++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c := next[0]
		next = next[1:]
		if seen[c.Hash] {
			continue
		}
		seen[c.Hash] = true
		if c.Author.Name == author && call != "" && strings.Contains(c.Message, "\n"+callTrailer+call+"\n") {
			return c, nil
		}
		before, _, err := parents(s.store, c)
		if err != nil {
			return nil, err
		}
		next = append(next, before...)
	}
	return nil, nil
}
