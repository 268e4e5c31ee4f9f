package sandbox

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSetChangesOneValueOnly(t *testing.T) {
	before, err := set(initialSettings, PoolSetting, "50")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(initialSettings, "max: 40", "max: 50", 1); before != want {
		t.Errorf("got:\n%s", before)
	}
	if _, err := set(initialSettings, "db.pool.size", "1"); err == nil {
		t.Error("a setting that is not there was set")
	}
}

func TestOutageHidesTheCulpritAmongDecoys(t *testing.T) {
	now := time.Now()
	past, err := seededHistory(now)
	if err != nil {
		t.Fatal(err)
	}
	text := past[len(past)-1].text
	if limit, err := poolMax(text); err != nil || limit != PoolMax {
		t.Fatalf("the past ends with a pool of %d (%v)", limit, err)
	}
	places := map[int]bool{}
	for seed := range uint64(30) {
		commits, culprit, err := outage(text, 20, 3, now, rand.New(rand.NewPCG(seed, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if len(commits) != 4 {
			t.Fatalf("seed %d: %d commits", seed, len(commits))
		}
		places[culprit] = true
		before, poolLike := PoolMax, false
		for i, c := range commits {
			limit, err := poolMax(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if (limit != before) != (i == culprit) {
				t.Errorf("seed %d: commit %d (%q) changes the pool from %d to %d", seed, i, c.title, before, limit)
			}
			before = limit
			poolLike = poolLike || strings.Contains(c.title, "cache client's pool")
		}
		if before != 20 || !poolLike || commits[culprit].at != now {
			t.Errorf("seed %d: ends with %d, pool-like decoy %v", seed, before, poolLike)
		}
	}
	if len(places) != 4 {
		t.Errorf("the culprit is always at the places %v", places)
	}
}

func TestHistoryIsARealRepository(t *testing.T) {
	path := filepath.Join(t.TempDir(), settingsRepo)
	past, err := seededHistory(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h, err := createHistory(path, past)
	if err != nil {
		t.Fatal(err)
	}
	gitRun(t, path, "fsck", "--strict")
	if lines := strings.Count(gitRun(t, path, "log", "--format=%s", "main", "--", "api/pool.yaml"), "\n"); lines != len(past) {
		t.Errorf("git sees %d commits, want %d", lines, len(past))
	}
	// Somebody else's push, packed, must be seen by an open handle.
	clone := filepath.Join(t.TempDir(), "clone")
	gitRun(t, path, "clone", "-q", path, clone)
	gitRun(t, clone, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "--allow-empty", "-m", "empty")
	gitRun(t, clone, "push", "-q", "origin", "main")
	gitRun(t, path, "gc", "-q", "--prune=now")
	revision, text, err := h.head()
	if err != nil || revision != strings.TrimSpace(gitRun(t, clone, "rev-parse", "HEAD")) || text != past[len(past)-1].text {
		t.Errorf("head is %s (%v)", revision, err)
	}
}

func gitRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
