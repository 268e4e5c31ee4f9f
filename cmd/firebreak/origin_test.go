package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/firebreak-ops/firebreak/runbooks"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commitAll commits everything in a repository, which it makes if need be.
func commitAll(t *testing.T, dir string) string {
	t.Helper()
	repo, err := git.PlainInit(dir, false)
	if err != nil {
		if repo, err = git.PlainOpen(dir); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := repo.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.AddGlob("."); err != nil {
		t.Fatal(err)
	}
	hash, err := tree.Commit("all of it", &git.CommitOptions{Author: &object.Signature{Name: "ann", When: time.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	return hash.String()
}

func TestOrigin(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file, beside := filepath.Join(dir, "repo/books/fix.yaml"), filepath.Join(dir, "repo/books/look.yaml")
	write(t, file, "one")
	write(t, beside, "other")
	commit := commitAll(t, filepath.Join(dir, "repo"))
	loose := filepath.Join(dir, "loose.yaml")
	write(t, loose, "loose")
	link := filepath.Join(dir, "link.yaml")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	of := func(file, text string) string {
		t.Helper()
		o, err := originOf("fix", []byte(text), file)
		if err != nil {
			t.Fatal(err)
		}
		if o.Commit != "" && o.Commit != commit {
			t.Errorf("%s is said to be of commit %s", file, o.Commit)
		}
		return strings.ReplaceAll(o.String(), dir, "")
	}
	short := commit[:12]
	for name, tt := range map[string]struct{ got, want string }{
		"committed":        {of(file, "one"), "/repo/books/fix.yaml, commit " + short},
		"through a link":   {of(link, "one"), "/repo/books/fix.yaml, commit " + short},
		"another text":     {of(file, "two"), "no file here"},
		"in no repository": {of(loose, "loose"), "/loose.yaml, in no commit"},
		"no file":          {of(filepath.Join(dir, "none.yaml"), "x"), "no file here"},
		"a folder":         {of(dir, "x"), "no file here"},
		"not said":         {of("", "x"), "no file here"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, wanted %s", name, tt.got, tt.want)
		}
	}
	write(t, file, "two")
	if got := of(file, "two"); got != "/repo/books/fix.yaml, not as in commit "+short {
		t.Errorf("changed since: %s", got)
	}
	fresh := filepath.Join(dir, "repo/books/new.yaml")
	write(t, fresh, "new")
	if got := of(fresh, "new"); got != "/repo/books/new.yaml, not as in commit "+short {
		t.Errorf("not in the commit: %s", got)
	}
	shipped, src, err := runbooks.File(runbooks.Names()[0])
	if err != nil {
		t.Fatal(err)
	}
	if o, err := originOf(strings.TrimSuffix(shipped, ".yaml"), src, ""); err != nil || !o.BuiltIn {
		t.Errorf("%+v, %v", o, err)
	}
}
