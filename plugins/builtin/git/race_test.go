package git

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

// TestConcurrentCommits races our writes with a real git that commits another
// file and the same file, and looks for a lost commit on either side.
func TestConcurrentCommits(t *testing.T) {
	eachKind(t, func(t *testing.T, r *repo) {
		b := r.bind()
		r.commit("Room", map[string]string{"api/pool.yaml": r.file() + "other: 0\n"})
		const rounds = 6
		theirs := make(chan int, 1)
		go func() {
			done := 0
			for i := 1; i <= rounds; i++ {
				if r.tryCommit(i) {
					done++
				}
			}
			theirs <- done
		}()
		ours := 0
		for i := 100; i < 140; i++ { // bounded, or else a push would never get its turn
			c := apply(t, i)
			c.ID = fmt.Sprintf("race/%d", i)
			out := run(t, b, c)
			if out.Failure != nil && out.Failure.Class == plugins.Conflict && !r.bare {
				continue // git was between its checkout and its commit
			}
			applied(t, out)
			ours++
		}
		done := <-theirs
		if done != rounds {
			t.Errorf("git made %d commits, want %d", done, rounds)
		}
		history := r.git(r.dir, "log", "--format=%s", "main")
		if got := strings.Count(history, "Theirs"); got != done {
			t.Errorf("%d commits of git's, %d are left", done, got)
		}
		if got := strings.Count(history, "Set db.pool.max"); got != ours || ours == 0 {
			t.Errorf("%d commits of ours, %d are left", ours, got)
		}
		r.git(r.dir, "fsck", "--strict")
		if !r.bare {
			if s := r.git(r.dir, "status", "--porcelain"); s != "" {
				t.Errorf("status %q", s)
			}
		}
		t.Logf("%d of theirs, %d of ours", done, ours)
	})
}

// tryCommit commits as a person would, and says whether git took it.
func (r *repo) tryCommit(i int) bool {
	if r.bare {
		for range 5000 {
			if gitCommand(r.work, "pull", "-q", "--rebase", "origin", "main").Run() != nil {
				return false
			}
			if r.write("theirs", i) != nil || gitCommand(r.work, "add", "-A").Run() != nil || gitCommand(r.work, "commit", "-q", "-m", "Theirs").Run() != nil {
				return false
			}
			if gitCommand(r.work, "push", "-q", "origin", "HEAD:main").Run() == nil {
				return true
			}
			if gitCommand(r.work, "reset", "-q", "--hard", "HEAD~1").Run() != nil {
				return false
			}
		}
		return false
	}
	for range 5000 {
		if r.write("theirs", i) == nil && gitCommand(r.work, "add", "theirs").Run() == nil && gitCommand(r.work, "commit", "-q", "-m", "Theirs").Run() == nil {
			return true
		}
	}
	return false
}

func (r *repo) write(name string, i int) error {
	return os.WriteFile(filepath.Join(r.work, name), fmt.Append(nil, i), 0o644)
}

// heldRef holds the branch's lock as git does, starts a call, and lets git's
// commit win once the call has its own commit ready.
func heldRef(t *testing.T, edit func(string) string) (*repo, chan plugins.Outcome, string) {
	t.Helper()
	r := newRepo(t, true)
	b := r.bind().(*bound)
	was := r.file()
	theirs := r.commit("Theirs", map[string]string{"api/pool.yaml": edit(was)})
	r.git(r.dir, "update-ref", "refs/heads/main", theirs+"~1")
	ref := b.repo.refFile(b.branch)
	if err := os.WriteFile(ref+".lock", []byte(theirs+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := looseObjects(t, r.dir)
	c := apply(t, 60)
	plan, err := b.Plan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.Expect = plan.Fingerprint
	out := make(chan plugins.Outcome, 1)
	go func() { out <- b.Run(t.Context(), c, &stream{}) }()
	for deadline := time.Now().Add(2 * time.Minute); looseObjects(t, r.dir) < before+4; { // blob, two trees, commit
		if time.Now().After(deadline) {
			t.Fatal("the call wrote no commit")
		}
	}
	if err := os.Rename(ref+".lock", ref); err != nil {
		t.Fatal(err)
	}
	return r, out, theirs
}

func looseObjects(t *testing.T, dir string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "objects", "??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestHeadMovesUnderTheCall(t *testing.T) {
	r, out, theirs := heldRef(t, func(s string) string { return strings.Replace(s, "30s", "40s", 1) })
	applied(t, <-out)
	if got := r.git(r.dir, "rev-parse", "main~1"); got != theirs {
		t.Errorf("our commit is on top of %s, not of theirs", got)
	}
	if got := r.file(); !strings.Contains(got, "max: 60") || !strings.Contains(got, "40s") {
		t.Errorf("file is\n%s", got)
	}
}

func TestKeyMovesUnderTheCall(t *testing.T) {
	r, out, theirs := heldRef(t, func(s string) string { return strings.Replace(s, "max: 50", "max: 55", 1) })
	refused(t, <-out, plugins.Drift)
	if got := r.git(r.dir, "rev-parse", "main"); got != theirs {
		t.Errorf("the branch is at %s, not at theirs", got)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "refs/heads/main.lock")); err == nil {
		t.Error("the lock is left behind")
	}
}

func TestStopWhileWaitingForTheLock(t *testing.T) {
	r := newRepo(t, true)
	lock := filepath.Join(r.dir, "refs/heads/main.lock")
	if err := os.WriteFile(lock, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before := looseObjects(t, r.dir)
	stop := make(chan struct{})
	c := apply(t, 60)
	c.Stop = stop
	b := r.bind()
	out := make(chan plugins.Outcome, 1)
	go func() { out <- b.Run(t.Context(), c, &stream{}) }()
	for deadline := time.Now().Add(2 * time.Minute); looseObjects(t, r.dir) < before+4; {
		if time.Now().After(deadline) {
			t.Fatal("the call wrote no commit")
		}
	}
	close(stop)
	refused(t, <-out, plugins.Cancelled)
	if _, err := os.Stat(lock); err != nil {
		t.Errorf("somebody else's lock is gone: %v", err)
	}
}

// TestRepackMeanwhile: git moves every object to another file while we read.
func TestRepackMeanwhile(t *testing.T) {
	r := newRepo(t, true)
	b := r.bind()
	done := make(chan error, 1)
	go func() {
		for range 25 {
			if out, err := gitCommand(r.dir, "repack", "-adq").CombinedOutput(); err != nil {
				done <- fmt.Errorf("%w: %s", err, out)
				return
			}
		}
		done <- nil
	}()
	for i := 100; ; i++ {
		applied(t, run(t, b, apply(t, i)))
		if out := run(t, b, call(t, "settings.changes", map[string]any{"limit": 1000})); out.Failure != nil {
			t.Fatal(out.Failure)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}
