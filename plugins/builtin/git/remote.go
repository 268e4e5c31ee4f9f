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
	fetch end
	push  *end          // nil: this binding may only read
	turn  chan struct{} // holds one token: who has it may fetch
}

// end is one way to speak to a remote.
type end struct {
	url  string
	auth transport.AuthMethod // nil over http: what the address holds
}

func remoteOf(c config, repo repository, access plugins.Effect) (*remote, error) {
	if c.Remote.url == "" {
		if c.Mutate.url != "" {
			return nil, errors.New("mutate: it is where to push, and there is no remote")
		}
		return nil, nil
	}
	if repo.worktree != "" {
		return nil, fmt.Errorf("repo: %s has files checked out; as a copy of a remote it must be bare and firebreak's alone (git init --bare)", repo.root)
	}
	name, fetch, err := endOf("remote", c.Remote, c.Hosts)
	if err != nil {
		return nil, err
	}
	r := &remote{name: name, fetch: fetch, turn: make(chan struct{}, 1)}
	r.turn <- struct{}{}
	if access == plugins.Read {
		return r, nil
	}
	if c.Mutate.url == "" {
		return nil, errors.New("mutate: name the address with the right to push, such as {secret: \"env:SETTINGS_PUSH_URL\"}")
	}
	other, push, err := endOf("mutate", c.Mutate, c.Hosts)
	if err == nil && other != name {
		err = fmt.Errorf("mutate: it leads to %s and remote to %s; what is looked at must be what is changed", other, name)
	}
	r.push = &push
	return r, err
}

// endOf reads an address. name is what people may see of it.
func endOf(key string, a address, hosts []string) (name string, e end, err error) {
	u, err := url.Parse(a.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ssh" || u.Host == "" {
		return "", e, fmt.Errorf("%s: it is no http, https or ssh address (it is not shown, since it may hold a password)", key)
	}
	e.url = a.url
	if u.Scheme == "ssh" {
		e.auth, err = sshAuth(key, u, a.key, hosts)
	} else if a.key != "" {
		err = fmt.Errorf("%s: a key is for ssh; over http the address holds a password", key)
	}
	return u.Host + strings.TrimSuffix(u.Path, "/"), e, err
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
	r, err := b.speak(b.remote.fetch.url)
	if err != nil {
		return err
	}
	spec := gitconfig.RefSpec(fmt.Sprintf("+%s:%s", b.branch, b.branch))
	err = r.FetchContext(ctx, &gogit.FetchOptions{Auth: b.remote.fetch.auth, RefSpecs: []gitconfig.RefSpec{spec}, Tags: gogit.NoTags, Force: true})
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

// push has the remote's branch go from one commit to another, and from no
// other: what somebody has taken off it since does not come back. Without a remote
// it does nothing. What came of a push that failed is asked: the remote may
// have moved, or not have told what it did. It is not cut when ctx ends.
func (b *bound) push(ctx context.Context, to, from plumbing.Hash) (plugins.Applied, error) {
	if b.remote == nil {
		return plugins.None, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushWithin)
	defer cancel()
	r, err := b.speak(b.remote.push.url)
	if err != nil {
		return plugins.None, err
	}
	spec := gitconfig.RefSpec(fmt.Sprintf("%s:%s", to, b.branch))
	only := gitconfig.RefSpec(fmt.Sprintf("%s:%s", from, b.branch))
	err = r.PushContext(ctx, &gogit.PushOptions{
		Auth: b.remote.push.auth, RefSpecs: []gitconfig.RefSpec{spec}, RequireRemoteRefs: []gitconfig.RefSpec{only},
	})
	if err == nil || errors.Is(err, gogit.NoErrAlreadyUpToDate) {
		return plugins.All, nil
	}
	failure := b.remote.failure("push", err)
	if failure.Class == plugins.Denied {
		return plugins.None, failure
	}
	if elsewhere(err) {
		return plugins.None, fmt.Errorf("%w: %w", errMoved, failure) // and the next fetch says where to
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
	if own, ok := errors.AsType[*plugins.Failure](err); ok {
		return own
	}
	reason := fmt.Sprintf("%s %s: %s", what, r.name, r.masked(err.Error()))
	switch {
	case strings.Contains(err.Error(), "ssh: unable to authenticate"):
		return plugins.Fail(plugins.Denied, "%s; does the host know the public key of the secrets remote and mutate?", reason)
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
	if elsewhere(err) {
		return plugins.Fail(plugins.Conflict, "%s; somebody moves the branch, or has deleted it: look at it, and try again", reason)
	}
	return plugins.Fail(plugins.Unavailable, "%s", reason)
}

// elsewhere says whether nothing was pushed because the remote's branch is not
// where it was.
func elsewhere(err error) bool { return strings.HasPrefix(err.Error(), "remote ref ") }

func (r *remote) masked(text string) string {
	all := []string{r.fetch.url}
	if r.push != nil {
		all = append(all, r.push.url)
	}
	for _, a := range all {
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
