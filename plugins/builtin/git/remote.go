package git

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	gogit "github.com/go-git/go-git/v5"
	gitconfig "github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/firebreak-ops/firebreak/plugins"
)

const (
	changesWithin = 1500 * time.Millisecond
	pullWithin    = 20 * time.Second
	pushWithin    = 20 * time.Second
	mostPushes    = 5
)

// errMoved says that the remote's branch is another than the commit was made
// for.
var errMoved = errors.New("the branch moved")

// remote is where a repository is a copy of.
type remote struct {
	name  string // without a password
	fetch string
	push  string        // empty: this binding may only read
	turn  chan struct{} // holds one token: who has it may fetch
}

func remoteOf(c config, repo repository, access plugins.Effect) (*remote, error) {
	if c.Remote == "" {
		if c.Mutate != "" {
			return nil, errors.New("mutate: it is where to push, and there is no remote")
		}
		return nil, nil
	}
	if repo.worktree != "" {
		return nil, fmt.Errorf("repo: %s has files checked out; as a copy of a remote it must be bare and firebreak's alone (git init --bare)", repo.root)
	}
	name, err := withoutPassword("remote", c.Remote)
	if err != nil {
		return nil, err
	}
	r := &remote{name: name, fetch: string(c.Remote), turn: make(chan struct{}, 1)}
	r.turn <- struct{}{}
	if access == plugins.Read {
		return r, nil
	}
	if c.Mutate == "" {
		return nil, errors.New("mutate: name the address with the right to push, such as {secret: \"env:SETTINGS_PUSH_URL\"}")
	}
	other, err := withoutPassword("mutate", c.Mutate)
	if err == nil && other != name {
		err = fmt.Errorf("mutate: it leads to %s and remote to %s; what is looked at must be what is changed", other, name)
	}
	r.push = string(c.Mutate)
	return r, err
}

// withoutPassword is what people may see of an address.
func withoutPassword(key string, a address) (string, error) {
	u, err := url.Parse(string(a))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%s: it is no http or https address (it is not shown, since it may hold a password)", key)
	}
	return u.Host + strings.TrimSuffix(u.Path, "/"), nil
}

// pull brings the copy's branch to where the remote's is. Without a remote it
// does nothing.
func (b *bound) pull(ctx context.Context) error {
	if b.remote == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pullWithin)
	defer cancel()
	select {
	case <-b.remote.turn:
	case <-ctx.Done():
		return b.remote.failure("fetch", ctx.Err())
	}
	defer func() { b.remote.turn <- struct{}{} }()
	r, err := b.speak(b.remote.fetch)
	if err != nil {
		return err
	}
	spec := gitconfig.RefSpec(fmt.Sprintf("+%s:%s", b.branch, b.branch))
	err = r.FetchContext(ctx, &gogit.FetchOptions{RefSpecs: []gitconfig.RefSpec{spec}, Tags: gogit.NoTags, Force: true})
	if errors.Is(err, gogit.NoErrAlreadyUpToDate) {
		err = nil
	}
	if _, ok := errors.AsType[gogit.NoMatchingRefSpecError](err); ok || errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return plugins.Fail(plugins.NotFound, "%s has no branch %s", b.remote.name, b.branch.Short())
	}
	if err != nil {
		return b.remote.failure("fetch", err)
	}
	return nil
}

// speak reaches to the remote under an address.
func (b *bound) speak(address string) (*gogit.Remote, error) {
	store, err := b.repo.objects()
	if err != nil {
		return nil, err
	}
	return gogit.NewRemote(store, &gitconfig.RemoteConfig{Name: "origin", URLs: []string{address}}), nil
}

// push has the remote's branch go from one commit to another. Without a remote
// it does nothing. What came of a push that failed is asked: the remote may
// have moved, or not have told what it did. It is not cut when ctx ends.
func (b *bound) push(ctx context.Context, to, from plumbing.Hash) (plugins.Applied, error) {
	if b.remote == nil {
		return plugins.None, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushWithin)
	defer cancel()
	r, err := b.speak(b.remote.push)
	if err != nil {
		return plugins.None, err
	}
	spec := gitconfig.RefSpec(fmt.Sprintf("%s:%s", to, b.branch))
	err = r.PushContext(ctx, &gogit.PushOptions{RefSpecs: []gitconfig.RefSpec{spec}})
	if err == nil || errors.Is(err, gogit.NoErrAlreadyUpToDate) {
		return plugins.All, nil
	}
	failure := b.remote.failure("push", err)
	if failure.Class == plugins.Denied {
		return plugins.None, failure
	}
	if b.pull(ctx) != nil {
		return plugins.Unknown, failure
	}
	now, _, err := b.repo.read(b.branch)
	if err != nil {
		return plugins.Unknown, failure
	}
	held, err := b.holds(now, to)
	switch {
	case err != nil:
		return plugins.Unknown, failure
	case held:
		return plugins.All, nil
	case now != from:
		return plugins.None, fmt.Errorf("%w: %w", errMoved, failure)
	case failure.Class == plugins.Conflict: // the remote's own word
		return plugins.None, failure
	}
	return plugins.Unknown, failure // it may still arrive
}

// holds says whether a commit is on the way that led to another.
func (b *bound) holds(tip, commit plumbing.Hash) (bool, error) {
	if tip == commit {
		return true, nil
	}
	store, err := b.repo.objects()
	if err != nil {
		return false, err
	}
	of, err := object.GetCommit(store, commit)
	if err != nil {
		return false, err
	}
	at, err := object.GetCommit(store, tip)
	if err != nil {
		return false, err
	}
	return of.IsAncestor(at)
}

// failure gives an error of the remote its class. It never shows an address:
// one may hold a password.
func (r *remote) failure(what string, err error) *plugins.Failure {
	reason := fmt.Sprintf("%s %s: %s", what, r.name, r.masked(err.Error()))
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed), errors.Is(err, transport.ErrInvalidAuthMethod):
		return plugins.Fail(plugins.Denied, "%s; correct the secrets remote and mutate of the section settings", reason)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return plugins.Fail(plugins.NotFound, "%s", reason)
	case errors.Is(err, context.Canceled):
		return plugins.Fail(plugins.Cancelled, "%s", reason)
	case errors.Is(err, context.DeadlineExceeded):
		return plugins.Fail(plugins.Timeout, "%s", reason)
	case strings.HasPrefix(err.Error(), "command error on"), strings.Contains(err.Error(), "non-fast-forward"):
		return plugins.Fail(plugins.Conflict, "%s; the remote refuses the commit: a rule of it, or a hook", reason)
	}
	return plugins.Fail(plugins.Unavailable, "%s", reason)
}

func (r *remote) masked(text string) string {
	for _, a := range []string{r.fetch, r.push} {
		if a != "" {
			text = strings.ReplaceAll(text, a, r.name)
		}
		if u, err := url.Parse(a); err == nil && u.User != nil {
			text = strings.ReplaceAll(text, u.User.String()+"@", "")
			if password, ok := u.User.Password(); ok && password != "" {
				text = strings.ReplaceAll(text, password, "***")
			}
		}
	}
	return text
}
