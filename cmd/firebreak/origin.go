package main

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/runbooks"
)

// originsOf finds out where the texts of a pinned runbook are from. files says
// where each is, by the name of the runbook: it is believed only where the file
// has that text. It blocks on the disk.
func originsOf(name string, pinned []byte, files map[string]string) ([]policy.Origin, error) {
	own, called := runbook.Texts(pinned)
	all := make([]policy.Origin, 0, 1+len(called))
	one, err := originOf(name, own, files[name])
	if err != nil {
		return nil, err
	}
	all = append(all, one)
	for _, name := range slices.Sorted(maps.Keys(called)) {
		if one, err = originOf(name, []byte(called[name]), files[name]); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func originOf(name string, src []byte, file string) (policy.Origin, error) {
	o := policy.Origin{Runbook: name, Digest: local.Digest(src)}
	if _, shipped, err := runbooks.File(name); err == nil && string(shipped) == string(src) {
		o.BuiltIn = true
		return o, nil
	}
	if file = holding(file, src); file == "" {
		return o, nil
	}
	o.File = file
	text, err := committed(file, &o)
	if err != nil {
		return o, fail(exitProblems, "look at the repository with `git status`", "find out which commit %s is from: %w", file, err)
	}
	o.Dirty = o.Commit != "" && text != string(src)
	return o, nil
}

// holding is where a file is, links followed, that holds a text; empty: it does
// not.
func holding(file string, src []byte) string {
	at, err := filepath.EvalSymlinks(file)
	if err != nil || !filepath.IsAbs(at) {
		return ""
	}
	info, err := os.Stat(at)
	if err != nil || !info.Mode().IsRegular() { // what is no file may have no end
		return ""
	}
	if there, err := readFile(at); err != nil || string(there) != string(src) {
		return ""
	}
	return at
}

// committed finds the commit that is checked out where a file is, and the text
// of the file in it; without one the commit stays empty.
func committed(file string, o *policy.Origin) (text string, err error) {
	repo, err := git.PlainOpenWithOptions(filepath.Dir(file), &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	head, err := repo.Head()
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return "", nil // nothing is committed yet
	}
	if err != nil {
		return "", err
	}
	tree, err := repo.Worktree()
	if err != nil {
		return "", err
	}
	commit, err := repo.CommitObject(head.Hash())
	if err != nil {
		return "", err
	}
	at, err := filepath.Rel(tree.Filesystem.Root(), file)
	if err != nil {
		return "", err
	}
	o.Commit = commit.Hash.String()
	there, err := commit.File(filepath.ToSlash(at))
	if errors.Is(err, object.ErrFileNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	r, err := there.Reader()
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, runbook.MaxBytes+1))
	return string(b), err
}

// supply is the rule of a configuration about where runbooks may come from;
// nil: there is none.
func supply(config *service.Config) *policy.Supply {
	r := config.Runbooks
	if r == nil {
		return nil
	}
	s := &policy.Supply{Rule: config.Rule(r.Pos, "runbooks"), Committed: r.Committed}
	for _, path := range r.Paths {
		if at, err := filepath.EvalSymlinks(path); err == nil {
			path = at
		}
		s.Paths = append(s.Paths, path)
	}
	return s
}

// supplied refuses runbooks that may not come from where they did.
func (w *workspace) supplied(origins []policy.Origin) error {
	if why := supply(w.config).Refuses(origins); why != "" {
		return fail(exitRefused, "", "%s", why)
	}
	return nil
}
