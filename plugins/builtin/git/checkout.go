package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"golang.org/x/sys/unix"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/document"
)

// checkout is the settings file in the worktree of a branch that is checked
// out. It has to follow the branch, or the next commit there would take our
// change back.
type checkout struct {
	worktree string
	path     string
	index    *index.Index
	entry    *index.Entry
}

// checkout returns nil when the branch is not checked out. Where it is, and
// the file cannot follow because somebody is working on it, that is a failure
// of class conflict.
func (b *bound) checkout(s snapshot) (*checkout, error) {
	linked, err := b.repo.linkedCheckout(b.branch)
	if err != nil {
		return nil, err
	}
	if linked != "" {
		return nil, plugins.Fail(plugins.Conflict, "branch %s is checked out in the linked worktree %s; check out another branch there, and try again", b.branch.Short(), linked)
	}
	if out, err := b.checkedOut(); err != nil || !out {
		return nil, err
	}
	c := &checkout{worktree: b.repo.worktree, path: b.path}
	at := filepath.Join(c.worktree, c.path)
	dirty := func(what string) error {
		return plugins.Fail(plugins.Conflict, "%s %s, and branch %s is checked out there; commit or put away that work (git stash), or bind a bare repository, and try again", at, what, b.branch.Short())
	}
	if c.index, err = b.repo.index(); err != nil {
		return nil, plugins.Fail(plugins.Conflict, "the index of %s cannot be kept up to date (%v), and branch %s is checked out there; bind a bare repository instead", b.repo.root, err, b.branch.Short())
	}
	for _, e := range c.index.Entries {
		if e.Stage != 0 { // a side of a conflict; go-git has no name for 0
			return nil, dirty("is in the middle of a merge")
		}
		if e.Name == c.path {
			c.entry = e
		}
	}
	if c.entry == nil || c.entry.Hash != s.blob {
		return nil, dirty("has changes that are staged")
	}
	content, err := c.read()
	if err != nil || !bytes.Equal(content, s.doc.Bytes()) {
		return nil, dirty("is not as it was committed")
	}
	return c, nil
}

// checkedOut says whether the branch is checked out in the worktree.
func (b *bound) checkedOut() (bool, error) {
	if b.repo.worktree == "" {
		return false, nil
	}
	head, err := b.repo.headBranch(b.repo.dir)
	return head == b.branch, err
}

func (r repository) index() (*index.Index, error) {
	f, err := os.Open(filepath.Join(r.dir, "index"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	idx := &index.Index{}
	return idx, index.NewDecoder(f).Decode(idx)
}

// read returns the file's content, if it is a plain file inside the worktree.
func (c *checkout) read() ([]byte, error) {
	root, err := os.OpenRoot(c.worktree)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(c.path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a plain file", c.path)
	}
	f, err := root.Open(c.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, document.MaxSize+1))
}

// stage records the file as it is in the worktree now, under the index's lock.
func (c *checkout) stage(content []byte, blob plumbing.Hash, lock *lockfile) error {
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(c.worktree, c.path), &st); err != nil {
		return fmt.Errorf("worktree %s: %w", c.worktree, err)
	}
	e := c.entry
	e.Hash, e.Size = blob, uint32(len(content)) //nolint:gosec // document.MaxSize bounds it
	e.CreatedAt, e.ModifiedAt = time.Unix(st.Ctim.Unix()), time.Unix(st.Mtim.Unix())
	e.Dev, e.Inode, e.UID, e.GID = uint32(st.Dev), uint32(st.Ino), st.Uid, st.Gid //nolint:gosec // git keeps the low bits, too
	var encoded bytes.Buffer
	if err := index.NewEncoder(&encoded).Encode(c.index); err != nil {
		return fmt.Errorf("index of %s: %w", c.worktree, err)
	}
	if err := lock.write(encoded.Bytes()); err != nil {
		return fmt.Errorf("index of %s: %w", c.worktree, err)
	}
	return lock.commit()
}

// replace exchanges the file in one move: whoever reads it sees the old or
// the new content.
func (c *checkout) replace(content []byte) error {
	root, err := os.OpenRoot(c.worktree)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Stat(c.path)
	if err != nil {
		return err
	}
	next := c.path + ".firebreak-new"
	if err := root.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a call that was killed: we hold the lock
		return err
	}
	f, err := root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = root.Rename(next, c.path)
	}
	if err != nil {
		return errors.Join(err, root.Remove(next))
	}
	return nil
}
