// Package git is the built-in that serves the settings capability from a git
// repository on this machine: one YAML or JSON file on one branch.
//
// A setting is written by a commit of firebreak's own. Only the bytes of that
// one value change; comments and layout stay. The branch moves by git's own
// lock protocol, so that whatever else pushes or commits at the same moment
// loses nothing and is not lost. Hooks are not run. Like git, it must run as
// a user who may write the repository.
//
// Where there is a remote, the repository on this machine is a copy of it: the
// branch is fetched before everything, and a commit is pushed before the copy
// moves.
package git

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// author is who commits. Of a run's commits the author also names who has
// approved them.
const (
	author = "firebreak"
	email  = "firebreak@localhost"
)

type plugin struct{}

// New returns the plugin.
func New() plugins.Plugin { return plugin{} }

func (plugin) Describe() plugins.Description {
	return plugins.Description{
		Name: "git", Version: "1.0.0",
		Config:  map[string]json.RawMessage{"settings": configSchema()},
		Actions: capability.Named("settings.apply", "settings.changes", "settings.current", "settings.rollback"),
	}
}

func (plugin) Bind(binding plugins.Binding) (plugins.Bound, error) {
	if binding.Capability != "settings" {
		return nil, plugins.Fail(plugins.Invalid, "plugin git serves settings, not %q", binding.Capability)
	}
	cfg, err := parseConfig(binding.Config)
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%v", err)
	}
	repo, err := locate(cfg.Repo)
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "repo: %v", err)
	}
	remote, err := remoteOf(cfg, repo, binding.Access)
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%v", err)
	}
	branch := plumbing.NewBranchReferenceName(cfg.Branch)
	switch {
	case remote != nil: // whether it is there is seen when it was fetched
		branch = plumbing.NewBranchReferenceName(cmp.Or(cfg.Branch, "main"))
		err = branch.Validate()
	case cfg.Branch == "":
		branch, err = repo.branch()
	default:
		if err = branch.Validate(); err == nil {
			_, ok, rerr := repo.read(branch)
			if err = rerr; err == nil && !ok {
				err = fmt.Errorf("repository %s has no branch %s", repo.root, cfg.Branch)
			}
		}
	}
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "branch: %v", err)
	}
	return &bound{
		repo: repo, remote: remote, branch: branch, path: cfg.Path, below: cfg.below, access: binding.Access,
		live: live{urls: cfg.LiveURL, client: newLiveClient()},
	}, nil
}

// bound is one settings file. Its fields do not change.
type bound struct {
	repo   repository
	remote *remote // nil: repo is all there is
	branch plumbing.ReferenceName
	path   string
	below  []string // the keys that every setting is below
	access plugins.Effect
	live   live
}

func (b *bound) Resource() string {
	where := b.repo.root
	if b.remote != nil {
		where = b.remote.name
	}
	return "git:" + where + ":" + b.branch.Short() + ":" + b.path
}

func (b *bound) observed() capability.Observed {
	return capability.Observed{ObservedAt: time.Now().UTC(), Resource: b.Resource()}
}

// Health says whether the file can be read.
func (b *bound) Health(ctx context.Context) error {
	if err := b.pull(ctx); err != nil {
		return err
	}
	_, err := b.head()
	return err
}

func (b *bound) Close() error {
	b.live.client.CloseIdleConnections()
	return nil
}

func (b *bound) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	if !call.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, call.Deadline)
		defer cancel()
	}
	switch call.Action {
	case "settings.changes":
		return read(b.changes(ctx, call, to))
	case "settings.current":
		return read(b.current(ctx, call))
	default:
		return b.write(ctx, call, to)
	}
}

// read makes the outcome of a reading action.
func read(out any, err error) plugins.Outcome {
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	raw, err := json.Marshal(out)
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None, Outputs: raw}
}

func (b *bound) current(ctx context.Context, call plugins.Call) (*capability.CurrentOutput, error) {
	in, err := capability.Input[capability.CurrentInput](call.Action, call.Input)
	if err != nil {
		return nil, err
	}
	if err := b.pull(ctx); err != nil {
		return nil, err
	}
	s, err := b.head()
	if err != nil {
		return nil, err
	}
	v, err := b.value(s, in.Setting)
	if err != nil {
		return nil, err
	}
	return &capability.CurrentOutput{Observed: b.observed(), Setting: in.Setting, Value: v, Revision: s.commit.Hash.String()}, nil
}

func newLiveClient() *http.Client {
	return &http.Client{
		Timeout:       time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
