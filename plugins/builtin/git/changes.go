package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/document"
)

const (
	maxCommits = 20000
	// maxOlder commits in a row that are too old end the search: clocks
	// differ, so that one old commit alone says little.
	maxOlder = 50
)

// version is the settings file from one commit on.
type version struct {
	commit   *object.Commit
	blob     plumbing.Hash
	settings map[string]capability.Scalar
}

// changes follows the branch itself, first parents only: a change that was
// merged counts when and as it was merged, and once.
func (b *bound) changes(ctx context.Context, call plugins.Call, to plugins.Stream) (*capability.ChangesOutput, error) {
	in, err := capability.Input[capability.ChangesInput](call.Action, call.Input)
	if err != nil {
		return nil, err
	}
	// What was changed until a moment ago is better than nothing.
	soon, cancel := context.WithTimeout(ctx, changesWithin)
	defer cancel()
	if err := b.pull(soon); err != nil {
		to.Log("warn", fmt.Sprintf("the newest changes may be missing: %v", err))
	}
	return again(func() (*capability.ChangesOutput, error) { return b.history(ctx, in, to) })
}

func (b *bound) history(ctx context.Context, in capability.ChangesInput, to plugins.Stream) (*capability.ChangesOutput, error) {
	s, err := b.readHead()
	if err != nil {
		return nil, err
	}
	out := &capability.ChangesOutput{Observed: b.observed(), Head: s.commit.Hash.String()}
	since := out.ObservedAt.Add(-in.Since.Std())
	newer, cursor := version{s.commit, s.blob, s.doc.Settings(b.below)}, s.commit
	older := 0
	for range maxCommits {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("history of %s: %w", b.Resource(), err)
		}
		parents, edge, err := parents(s.store, cursor)
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", b.Resource(), err)
		}
		if edge {
			break
		}
		var parent *object.Commit // nil: there is nothing before the first commit
		if len(parents) > 0 {
			parent = parents[0]
		}
		was, err := b.version(s.store, parent, newer)
		var unreadable *plugins.Failure
		if err != nil && !errors.As(err, &unreadable) {
			return nil, err
		}
		if err != nil { // what it changed counts for the commit that made the file readable again
			to.Log("warn", fmt.Sprintf("skipped what cannot be read: %v", err))
			cursor = parent
			continue
		}
		out.Changes = append(out.Changes, newer.since(was, since, in.Setting)...)
		if len(out.Changes) >= in.Limit {
			out.Changes = out.Changes[:in.Limit]
			break
		}
		if older++; !cursor.Committer.When.Before(since) {
			older = 0
		}
		if older > maxOlder || parent == nil {
			break
		}
		newer, cursor = was, parent
	}
	return out, nil
}

// version reads the file at a commit, which may be nil: before the first.
// Where it is the same as in newer, it is not read again.
func (b *bound) version(store *filesystem.Storage, c *object.Commit, newer version) (version, error) {
	v := version{commit: c}
	if c == nil {
		return v, nil
	}
	entry, err := b.entry(c)
	if err != nil || entry == nil {
		return v, err
	}
	v.blob = entry.Hash
	if v.blob == newer.blob {
		v.settings = newer.settings
		return v, nil
	}
	doc, err := b.document(store, c, entry.Hash)
	if err != nil {
		return v, err
	}
	v.settings = doc.Settings(b.below)
	return v, nil
}

// since lists what v changed over was, unless it is older than the time.
func (v version) since(was version, since time.Time, only string) []capability.Change {
	at := v.commit.Committer.When.UTC()
	if at.Before(since) || v.blob == was.blob {
		return nil
	}
	names := maps.Clone(v.settings)
	if names == nil {
		names = map[string]capability.Scalar{}
	}
	maps.Copy(names, was.settings)
	var out []capability.Change
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, after := was.settings[name], v.settings[name]
		if document.Same(before, after) || (only != "" && name != only) {
			continue
		}
		title, _, _ := strings.Cut(strings.TrimSpace(v.commit.Message), "\n")
		out = append(out, capability.Change{
			ID: v.commit.Hash.String() + ":" + name, Setting: name, Before: before, After: after,
			At: at, Author: v.commit.Author.Name, Title: title, Revision: v.commit.Hash.String(),
		})
	}
	return out
}

// parents returns the commits before c; edge where a shallow clone knows no
// more.
func parents(store *filesystem.Storage, c *object.Commit) (before []*object.Commit, edge bool, err error) {
	for _, hash := range c.ParentHashes {
		p, err := object.GetCommit(store, hash)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			shallow, serr := store.Shallow()
			if serr == nil && slices.Contains(shallow, c.Hash) {
				return nil, true, nil
			}
		}
		if err != nil {
			return nil, false, fmt.Errorf("commit %s: %w", hash, err)
		}
		before = append(before, p)
	}
	return before, false, nil
}
