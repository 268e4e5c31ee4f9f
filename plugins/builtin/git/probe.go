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
	"github.com/firebreak-ops/firebreak/plugins/document"
)

const maxProbed = 2000 // commits looked at for that of a lost call

// Probe looks for the commit that the call would have made, and else at the
// value. A value that is as the call wanted it, in a history that shows no
// commit of the call, is somebody else's work: an undo must leave it alone.
func (b *bound) Probe(ctx context.Context, call plugins.Call, undo json.RawMessage) plugins.Probed {
	if err := b.pull(ctx); err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
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
	made, whole, err := find(ctx, s, call.ID, plumbing.NewHash(planned.Revision))
	if err != nil {
		return plugins.Probed{}, err
	}
	switch {
	case made != nil:
		return b.happened(planned, made.Hash.String(), "commit "+made.Hash.String()+" was made by this call")
	case document.Same(now, planned.Before):
		return plugins.Probed{Applied: plugins.None, Left: fingerprint(planned.Setting, now), Reason: fmt.Sprintf("%s is still %s", planned.Setting, now)}, nil
	case document.Same(now, planned.After) && whole:
		return plugins.Probed{Applied: plugins.None, Left: fingerprint(planned.Setting, now), Reason: fmt.Sprintf("%s is %s now, but no commit since the plan is of this call: somebody else wrote it", planned.Setting, now)}, nil
	case document.Same(now, planned.After):
		return plugins.Probed{Applied: plugins.Unknown, Reason: fmt.Sprintf("%s is %s now, but the commits since the plan are not all there: the history was rewritten, or there are too many; look who wrote it", planned.Setting, now)}, nil
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

// find looks for the commit of a call among those made since the plan; whole
// says whether it saw them all.
func find(ctx context.Context, s snapshot, call string, since plumbing.Hash) (made *object.Commit, whole bool, err error) {
	seen := map[plumbing.Hash]bool{}
	next := []*object.Commit{s.commit}
	for n := 0; len(next) > 0; n++ {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		if n == maxProbed {
			return nil, false, nil
		}
		c := next[0]
		next = next[1:]
		if seen[c.Hash] {
			continue
		}
		seen[c.Hash] = true
		if c.Hash == since {
			continue
		}
		if c.Author.Email == email && call != "" && strings.Contains(c.Message, "\n"+callTrailer+call+"\n") {
			return c, false, nil
		}
		before, edge, err := parents(s.store, c)
		if err != nil {
			return nil, false, err
		}
		if edge {
			return nil, false, nil
		}
		next = append(next, before...)
	}
	return nil, seen[since], nil
}
