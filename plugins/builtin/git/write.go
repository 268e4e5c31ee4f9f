package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// write performs settings.apply and settings.rollback.
func (b *bound) write(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	o, err := orderOf(call)
	if err == nil && b.access == plugins.Read {
		err = plugins.Fail(plugins.Denied, "%s changes a setting, and this binding may only read", call.Action)
	}
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	c, revision, landed, err := b.landOnTop(ctx, call, o, to)
	out := plugins.Outcome{Failure: plugins.AsFailure(err), Applied: landed}
	if err != nil {
		return out
	}
	out.Left = fingerprint(o.Setting, o.To)
	result := capability.ApplyOutput{Setting: o.Setting, From: c.was, To: o.To, Revision: revision}
	if landed == plugins.All {
		if out.Receipt, err = json.Marshal(c.receipt(revision)); err != nil {
			out.Failure = plugins.AsFailure(err)
			return out
		}
		to.Log("info", fmt.Sprintf("%s on %s: %s", revision[:12], b.branch.Short(), o.Title(c.was)))
	}
	result.Live = b.live.await(ctx, call.Stop, o.LiveWithin, o.Setting, o.To, to)
	result.Observed = b.observed()
	out.Outputs, err = json.Marshal(result)
	out.Failure = plugins.AsFailure(err)
	return out
}

// landOnTop lands, again and again where the remote moves meanwhile.
func (b *bound) landOnTop(ctx context.Context, call plugins.Call, o order, to plugins.Stream) (c change, revision string, landed plugins.Applied, err error) {
	for try := 1; ; try++ {
		if err := b.pull(ctx); err != nil {
			return c, "", plugins.None, err
		}
		c, revision, landed, err = b.land(ctx, call, o, to)
		if !errors.Is(err, errMoved) || try == mostPushes {
			return c, revision, landed, err
		}
		to.Log("info", fmt.Sprintf("branch %s moved at %s meanwhile; trying again on top of it", b.branch.Short(), b.remote.name))
	}
}

// land commits the change on the branch. Once it holds the branch's lock
// nobody else can move it; if somebody did before, the change is worked out
// again, and goes through while the setting itself is as it was.
func (b *bound) land(ctx context.Context, call plugins.Call, o order, to plugins.Stream) (c change, revision string, landed plugins.Applied, err error) {
	landed = plugins.None
	if err = ended(ctx, call.Stop); err != nil {
		return c, "", landed, err
	}
	c, commit, err := b.prepare(o, call.Expect)
	if err != nil || c.none() {
		return c, c.head(), landed, err
	}
	var index *lockfile
	if out, err := b.checkedOut(); err != nil {
		return c, "", landed, err
	} else if out {
		if index, err = lock(ctx, call.Stop, filepath.Join(b.repo.dir, "index")); err != nil {
			return c, "", landed, err
		}
		defer index.release()
	}
	ref, err := lock(ctx, call.Stop, b.repo.refFile(b.branch))
	if err != nil {
		return c, "", landed, err
	}
	defer ref.release()
	if at, _, err := b.repo.read(b.branch); err != nil {
		return c, "", landed, err
	} else if at != c.commit.Hash {
		to.Log("info", fmt.Sprintf("branch %s moved to %s meanwhile; trying again on top of it", b.branch.Short(), at))
		if c, commit, err = b.prepare(o, call.Expect); err != nil || c.none() {
			return c, c.head(), landed, err
		}
	}
	tree, err := b.checkout(c.snapshot)
	if err == nil && (tree != nil) != (index != nil) {
		err = plugins.Fail(plugins.Conflict, "somebody switched branches in %s just now; try again", b.repo.root)
	}
	if err == nil {
		err = ref.write([]byte(commit.hash.String() + "\n"))
	}
	if err == nil {
		err = ended(ctx, call.Stop)
	}
	if err != nil {
		return c, "", landed, err
	}
	if tree != nil {
		// File, index, branch, in this order: cut off in between, the file is
		// an edit that git shows; the other way round, the next commit there
		// would silently take our change back.
		if err := tree.replace(c.src); err != nil {
			return c, "", landed, fmt.Errorf("worktree %s: %w", b.repo.worktree, err)
		}
		if err := tree.stage(c.src, commit.blob, index); err != nil {
			return c, "", plugins.Unknown, err
		}
	}
	if landed, err := b.push(ctx, commit.hash, c.commit.Hash); err != nil {
		return c, "", landed, err
	}
	if err := ref.commit(); err != nil && b.remote == nil {
		return c, "", plugins.Unknown, fmt.Errorf("move branch %s of %s: %w", b.branch.Short(), b.repo.root, err)
	}
	if err := b.repo.logMove(b.branch, tree != nil, c.commit.Hash, commit.hash, commit.at, o.Title(c.was)); err != nil {
		to.Log("warn", fmt.Sprintf("the commit is made, but git's reflog does not show it: %v", err))
	}
	return c, commit.hash.String(), plugins.All, nil
}

// prepare works the change out on the newest commit, and writes its objects.
func (b *bound) prepare(o order, expect string) (c change, made commit, err error) {
	made, err = again(func() (commit, error) {
		s, err := b.readHead()
		if err != nil {
			return commit{}, err
		}
		if c, err = b.workOut(o, s, expect); err != nil || c.none() {
			return commit{}, err
		}
		if _, err := b.checkout(s); err != nil {
			return commit{}, err
		}
		return b.build(c)
	})
	return c, made, err
}

// head is the commit that the change was worked out on.
func (c change) head() string {
	if c.commit == nil {
		return ""
	}
	return c.commit.Hash.String()
}

func ended(ctx context.Context, stop <-chan struct{}) error {
	select {
	case <-stop:
		return plugins.Fail(plugins.Cancelled, "stopped before anything was written")
	case <-ctx.Done():
		return plugins.Fail(plugins.Timeout, "time ran out before anything was written")
	default:
		return nil
	}
}
