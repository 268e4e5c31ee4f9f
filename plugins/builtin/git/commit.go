package git

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// commit is a commit of ours that no branch holds yet.
type commit struct {
	hash plumbing.Hash
	blob plumbing.Hash
	at   time.Time
}

// build writes the objects of a change: on disk, not yet on the branch.
func (b *bound) build(c change) (commit, error) {
	out := commit{at: time.Now().Truncate(time.Second)}
	w := objectWriter{store: c.store, dir: b.repo.dir}
	blob := c.store.NewEncodedObject()
	blob.SetType(plumbing.BlobObject)
	in, err := blob.Writer()
	if err != nil {
		return out, err
	}
	if _, err := in.Write(c.src); err != nil {
		return out, err
	}
	if err := in.Close(); err != nil {
		return out, err
	}
	if out.blob, err = w.write(blob); err != nil {
		return out, err
	}
	root, err := c.commit.Tree()
	if err != nil {
		return out, err
	}
	tree, err := w.graft(root, strings.Split(b.path, "/"), out.blob)
	if err != nil {
		return out, fmt.Errorf("tree of %s: %w", c.commit.Hash, err)
	}
	who := object.Signature{Name: author, Email: email, When: out.at}
	by := who
	by.Name = c.author()
	out.hash, err = w.encode(&object.Commit{
		Author: by, Committer: who, Message: c.message(c.was),
		TreeHash: tree, ParentHashes: []plumbing.Hash{c.snapshot.commit.Hash},
	})
	return out, err
}

// objectWriter writes objects so that they outlive a crash of the machine,
// as the branch that will name them does.
type objectWriter struct {
	store *filesystem.Storage
	dir   string
}

// graft returns the tree with another blob at the path.
func (w objectWriter) graft(t *object.Tree, path []string, blob plumbing.Hash) (plumbing.Hash, error) {
	entries := make([]object.TreeEntry, len(t.Entries))
	copy(entries, t.Entries)
	for i := range entries {
		if entries[i].Name != path[0] {
			continue
		}
		entries[i].Hash = blob
		if len(path) > 1 {
			below, err := object.GetTree(w.store, t.Entries[i].Hash)
			if err != nil {
				return plumbing.ZeroHash, err
			}
			if entries[i].Hash, err = w.graft(below, path[1:], blob); err != nil {
				return plumbing.ZeroHash, err
			}
		}
		return w.encode(&object.Tree{Entries: entries})
	}
	return plumbing.ZeroHash, fmt.Errorf("%s: %w", path[0], object.ErrEntryNotFound)
}

func (w objectWriter) encode(o interface {
	Encode(plumbing.EncodedObject) error
}) (plumbing.Hash, error) {
	obj := w.store.NewEncodedObject()
	if err := o.Encode(obj); err != nil {
		return plumbing.ZeroHash, err
	}
	return w.write(obj)
}

func (w objectWriter) write(obj plumbing.EncodedObject) (plumbing.Hash, error) {
	if w.store.HasEncodedObject(obj.Hash()) == nil {
		return obj.Hash(), nil
	}
	hash, err := w.store.SetEncodedObject(obj)
	if err != nil {
		return hash, fmt.Errorf("write to %s: %w", w.dir, err)
	}
	name := hash.String()
	f, err := os.Open(filepath.Join(w.dir, "objects", name[:2], name[2:]))
	if err != nil {
		return hash, err
	}
	defer f.Close()
	return hash, f.Sync()
}
