package sandbox

import (
	"fmt"
	"io"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const (
	settingsRepo   = "settings.git"
	settingsFolder = "api"
	settingsFile   = "pool.yaml"
	settingsBranch = "main"
)

// history is the bare repository of the service's settings: one file.
type history struct {
	path string
	repo *git.Repository
}

// commit is one change that somebody makes to the settings.
type commit struct {
	author, title string
	text          string // of the whole file afterwards
	at            time.Time
}

func createHistory(path string, first []commit) (*history, error) {
	repo, err := git.PlainInitWithOptions(path, &git.PlainInitOptions{
		Bare: true, InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName(settingsBranch)},
	})
	if err != nil {
		return nil, fmt.Errorf("settings repository %s: %w", path, err)
	}
	h := &history{path: path, repo: repo}
	return h, h.push(first)
}

func openHistory(path string) (*history, error) {
	repo, err := git.PlainOpen(path)
	if err != nil {
		return nil, fmt.Errorf("settings repository %s: %w", path, err)
	}
	return &history{path: path, repo: repo}, nil
}

// push adds the commits to the branch in one step, as a git push does.
func (h *history) push(commits []commit) error {
	name := plumbing.NewBranchReferenceName(settingsBranch)
	var parents []plumbing.Hash
	before, err := h.repo.Reference(name, true)
	if err == nil {
		parents = []plumbing.Hash{before.Hash()}
	}
	for _, c := range commits {
		made, err := h.store(c, parents)
		if err != nil {
			return fmt.Errorf("settings repository %s: commit %q: %w", h.path, c.title, err)
		}
		parents = []plumbing.Hash{made}
	}
	head := plumbing.NewHashReference(name, parents[0])
	if err := h.repo.Storer.CheckAndSetReference(head, before); err != nil {
		return fmt.Errorf("settings repository %s: move %s: %w", h.path, settingsBranch, err)
	}
	return nil
}

func (h *history) store(c commit, parents []plumbing.Hash) (plumbing.Hash, error) {
	blob := h.repo.Storer.NewEncodedObject()
	blob.SetType(plumbing.BlobObject)
	w, err := blob.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if _, err := io.WriteString(w, c.text); err != nil {
		return plumbing.ZeroHash, err
	}
	file, err := h.repo.Storer.SetEncodedObject(blob)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	folder, err := h.encode(&object.Tree{Entries: []object.TreeEntry{{Name: settingsFile, Mode: filemode.Regular, Hash: file}}})
	if err != nil {
		return plumbing.ZeroHash, err
	}
	root, err := h.encode(&object.Tree{Entries: []object.TreeEntry{{Name: settingsFolder, Mode: filemode.Dir, Hash: folder}}})
	if err != nil {
		return plumbing.ZeroHash, err
	}
	who := object.Signature{Name: c.author, Email: c.author + "@example.com", When: c.at}
	return h.encode(&object.Commit{Author: who, Committer: who, Message: c.title + "\n", TreeHash: root, ParentHashes: parents})
}

func (h *history) encode(o interface {
	Encode(plumbing.EncodedObject) error
}) (plumbing.Hash, error) {
	encoded := h.repo.Storer.NewEncodedObject()
	if err := o.Encode(encoded); err != nil {
		return plumbing.ZeroHash, err
	}
	return h.repo.Storer.SetEncodedObject(encoded)
}

// head reads the newest revision and the settings in it.
func (h *history) head() (revision, text string, err error) {
	ref, err := h.repo.Reference(plumbing.NewBranchReferenceName(settingsBranch), true)
	if err != nil {
		return "", "", fmt.Errorf("settings repository %s: branch %s: %w", h.path, settingsBranch, err)
	}
	c, err := h.repo.CommitObject(ref.Hash())
	if err != nil {
		// Objects may have come in a pack that this handle does not know yet.
		fresh, openErr := git.PlainOpen(h.path)
		if openErr != nil {
			return "", "", fmt.Errorf("settings repository %s: %w", h.path, openErr)
		}
		h.repo = fresh
		if c, err = h.repo.CommitObject(ref.Hash()); err != nil {
			return "", "", fmt.Errorf("settings repository %s: commit %s: %w", h.path, ref.Hash(), err)
		}
	}
	file, err := c.File(settingsFolder + "/" + settingsFile)
	if err != nil {
		return "", "", fmt.Errorf("settings repository %s: %s in %s: %w", h.path, settingsFile, ref.Hash(), err)
	}
	text, err = file.Contents()
	return ref.Hash().String(), text, err
}
