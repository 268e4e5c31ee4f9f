package git

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/document"
)

// snapshot is the settings file at one commit.
type snapshot struct {
	store  *filesystem.Storage
	commit *object.Commit
	blob   plumbing.Hash
	doc    *document.Document
}

// head reads the settings file at the branch's newest commit.
func (b *bound) head() (snapshot, error) { return again(b.readHead) }

// again repeats what read the repository while git was moving its objects to
// another pack: they are all there, but not where they were.
func again[T any](f func() (T, error)) (T, error) {
	const tries = 10
	for i := 1; ; i++ {
		v, err := f()
		moved := errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, dotgit.ErrPackfileNotFound) || errors.Is(err, fs.ErrNotExist)
		if !moved || i == tries {
			return v, err
		}
	}
}

func (b *bound) readHead() (snapshot, error) {
	at, ok, err := b.repo.read(b.branch)
	if err != nil {
		return snapshot{}, err
	}
	if !ok {
		return snapshot{}, plugins.Fail(plugins.NotFound, "repository %s has no branch %s", b.repo.root, b.branch.Short())
	}
	store, err := b.repo.objects()
	if err != nil {
		return snapshot{}, err
	}
	commit, err := object.GetCommit(store, at)
	if err != nil {
		return snapshot{}, fmt.Errorf("repository %s: commit %s: %w", b.repo.root, at, err)
	}
	return b.at(store, commit)
}

// at reads the settings file at a commit.
func (b *bound) at(store *filesystem.Storage, commit *object.Commit) (snapshot, error) {
	entry, err := b.entry(commit)
	if err != nil {
		return snapshot{}, err
	}
	if entry == nil {
		return snapshot{}, plugins.Fail(plugins.NotFound, "there is no file %s on branch %s of %s", b.path, b.branch.Short(), b.repo.root)
	}
	if entry.Mode != filemode.Regular && entry.Mode != filemode.Executable && entry.Mode != filemode.Deprecated {
		return snapshot{}, plugins.Fail(plugins.Invalid, "%s in %s is a link or folder, not a file", b.path, b.repo.root)
	}
	doc, err := b.document(store, commit, entry.Hash)
	if err != nil {
		return snapshot{}, err
	}
	return snapshot{store, commit, entry.Hash, doc}, nil
}

// entry is the settings file's entry at a commit; nil if there is none.
func (b *bound) entry(commit *object.Commit) (*object.TreeEntry, error) {
	tree, err := commit.Tree()
	if err != nil {
		return nil, fmt.Errorf("repository %s: tree of %s: %w", b.repo.root, commit.Hash, err)
	}
	entry, err := tree.FindEntry(b.path)
	if errors.Is(err, object.ErrEntryNotFound) || errors.Is(err, object.ErrDirectoryNotFound) {
		return nil, nil
	}
	return entry, err
}

// document reads the file. One that cannot be understood is a failure of class
// invalid.
func (b *bound) document(store *filesystem.Storage, commit *object.Commit, blob plumbing.Hash) (*document.Document, error) {
	src, err := readBlob(store, blob)
	if err != nil {
		return nil, fmt.Errorf("%s at %s of %s: %w", b.path, commit.Hash, b.repo.root, err)
	}
	doc, err := document.Parse(src)
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%s at %s of %s %v", b.path, commit.Hash, b.repo.root, err)
	}
	return doc, nil
}

// readBlob reads no more than parse will take.
func readBlob(store *filesystem.Storage, hash plumbing.Hash) ([]byte, error) {
	blob, err := object.GetBlob(store, hash)
	if err != nil {
		return nil, err
	}
	r, err := blob.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, document.MaxSize+1))
}

// value reads a setting from the file.
func (b *bound) value(s snapshot, setting string) (capability.Scalar, error) {
	keys, err := b.keys(setting)
	if err != nil {
		return capability.Scalar{}, err
	}
	v, err := s.doc.Get(keys)
	if err != nil {
		return v, plugins.Fail(plugins.Invalid, "%s of %s: %v", b.path, b.repo.root, err)
	}
	return v, nil
}

// keys is the way to a setting from the top of the file.
func (b *bound) keys(setting string) ([]string, error) {
	keys, err := document.ParseSetting(setting)
	if err != nil {
		return nil, plugins.Fail(plugins.Invalid, "%v", err)
	}
	return slices.Concat(b.below, keys), nil
}
