package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/firebreak-ops/firebreak/plugins"
)

// repository is where a repository lies on this machine.
type repository struct {
	root     string // what its identity is made of: the worktree's root, or the bare repository
	dir      string // the git directory
	worktree string // empty: bare
}

// locate finds the repository at dir, without looking further up.
func locate(dir string) (repository, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return repository{}, err
	}
	at := root
	if root, err = filepath.EvalSymlinks(root); errors.Is(err, fs.ErrNotExist) {
		return repository{}, missing(at)
	} else if err != nil {
		return repository{}, err
	}
	dotgit := filepath.Join(root, ".git")
	info, err := os.Stat(dotgit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Join(root, "HEAD")); err != nil {
			return repository{}, missing(root)
		}
		return repository{root: root, dir: root}, nil
	case err != nil:
		return repository{}, err
	case info.IsDir():
		return repository{root: root, dir: dotgit, worktree: root}, nil
	}
	link, err := os.ReadFile(dotgit)
	if err != nil {
		return repository{}, err
	}
	target, ok := strings.CutPrefix(strings.TrimSpace(string(link)), "gitdir: ")
	if !ok {
		return repository{}, fmt.Errorf("%s does not name a git directory", dotgit)
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(root, target)
	}
	if _, err := os.Stat(filepath.Join(target, "commondir")); err == nil {
		return repository{}, fmt.Errorf("%s is a linked worktree; name the repository that it belongs to", root)
	}
	return repository{root: root, dir: target, worktree: root}, nil
}

// there says whether the repository still is where it was found.
func (r repository) there() error {
	if _, err := os.Stat(filepath.Join(r.dir, "HEAD")); errors.Is(err, fs.ErrNotExist) {
		return missing(r.root)
	}
	return nil
}

func missing(root string) error {
	return plugins.Fail(plugins.NotFound, "there is no git repository at %s; bring it back (is its disk mounted?), or correct repo in firebreak.yaml", root)
}

// objects opens the repository's objects as they are now: packs that others
// make later are not seen, so it is opened for each call.
func (r repository) objects() (*filesystem.Storage, error) {
	store := filesystem.NewStorageWithOptions(osfs.New(r.dir), cache.NewObjectLRU(16*cache.MiByte), filesystem.Options{AlternatesFS: osfs.New("/")})
	if _, err := gogit.Open(store, nil); err != nil { // refuses formats that go-git cannot read
		return nil, fmt.Errorf("repository %s: %w", r.root, err)
	}
	return store, nil
}

// branch returns the full name of the branch to use when none is configured:
// main if there is one, else the one that HEAD names.
func (r repository) branch() (plumbing.ReferenceName, error) {
	main := plumbing.NewBranchReferenceName("main")
	if _, ok, err := r.read(main); ok || err != nil {
		return main, err
	}
	head, err := r.headBranch(r.dir)
	if err == nil && head == "" {
		err = errors.New("there is no branch main, and HEAD names no branch")
	}
	return head, err
}

// headBranch returns the branch that is checked out by the HEAD in dir; empty
// when HEAD is detached.
func (r repository) headBranch(dir string) (plumbing.ReferenceName, error) {
	b, err := os.ReadFile(filepath.Join(dir, "HEAD"))
	if err != nil {
		return "", err
	}
	name, _ := strings.CutPrefix(strings.TrimSpace(string(b)), "ref: ")
	if !strings.HasPrefix(name, "refs/heads/") {
		return "", nil
	}
	return plumbing.ReferenceName(name), nil
}

// linkedCheckout returns the linked worktree that has the branch checked out;
// empty if none has.
func (r repository) linkedCheckout(branch plumbing.ReferenceName) (string, error) {
	dirs, err := filepath.Glob(filepath.Join(r.dir, "worktrees", "*"))
	if err != nil {
		return "", err
	}
	for _, dir := range dirs {
		name, err := r.headBranch(dir)
		if errors.Is(err, fs.ErrNotExist) || (err == nil && name != branch) {
			continue
		}
		if err != nil {
			return "", err
		}
		at, err := os.ReadFile(filepath.Join(dir, "gitdir"))
		return filepath.Dir(strings.TrimSpace(string(at))), err
	}
	return "", nil
}
