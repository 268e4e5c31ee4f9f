package git

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func TestRollbackAndItsUndo(t *testing.T) {
	eachKind(t, func(t *testing.T, r *repo) {
		r.setMax(50, 20, "Tune the pool\n\nFor the migration.")
		b := r.bind()
		list := decode[capability.ChangesOutput](t, run(t, b, call(t, "settings.changes", map[string]any{"setting": "db.pool.max"})).Outputs)
		if len(list.Changes) != 2 {
			t.Fatalf("changes: %+v", list.Changes)
		}
		rollback := call(t, "settings.rollback", map[string]any{"change": list.Changes[0]})
		plan, err := b.Plan(t.Context(), rollback)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"from":20,"resource":"` + b.Resource() + `","setting":"db.pool.max","to":50}`; string(plan.Binding) != want {
			t.Errorf("binding %s, want %s", plan.Binding, want)
		}
		if want := "-    max: 20 # sized for peak\n+    max: 50 # sized for peak\n"; !strings.Contains(plan.Detail, want) {
			t.Errorf("detail:\n%s", plan.Detail)
		}
		rollback.Expect = plan.Fingerprint
		done := run(t, b, rollback)
		out := applied(t, done)
		if out.Revision != r.git(r.dir, "rev-parse", "main") || out.Live {
			t.Errorf("outputs %+v", out)
		}
		if got := r.file(); got != poolYAML {
			t.Errorf("file is\n%s", got)
		}
		r.clean()
		message := r.git(r.dir, "log", "-1", "--format=%an|%B", "main")
		for _, want := range []string{"firebreak|Roll back db.pool.max to 50 (was 20)", "Undoes: " + list.Changes[0].Revision, "Firebreak-Call: " + rollback.ID} {
			if !strings.Contains(message, want) {
				t.Errorf("message %q lacks %q", message, want)
			}
		}

		undo := call(t, "settings.apply", done.Receipt)
		undo.Expect = done.Left
		if out := applied(t, run(t, b, undo)); out.To.String() != "20" {
			t.Errorf("undo wrote %v", out.To)
		}
		refused(t, run(t, b, undo), plugins.Drift) // its work is done
		r.clean()
		r.git(r.dir, "fsck", "--strict")
	})
}

// clean checks that the worktree has followed the branch.
func (r *repo) clean() {
	r.t.Helper()
	if r.bare {
		return
	}
	if s := r.git(r.dir, "status", "--porcelain"); s != "" {
		r.t.Errorf("the worktree is not clean: %s", s)
	}
	if s := r.git(r.dir, "diff-index", "--name-only", "HEAD"); s != "" {
		r.t.Errorf("the index is stale: %s", s)
	}
	if got := r.git(r.dir, "reflog", "-1", "--format=%gs"); !strings.HasPrefix(got, "commit: ") {
		r.t.Errorf("reflog: %q", got)
	}
}

func TestCurrent(t *testing.T) {
	r := newRepo(t, true)
	for setting, want := range map[string]any{"db.pool.max": 50, "cache.ttl": "30s", "db.pool.none": nil} {
		out := run(t, r.bind(), call(t, "settings.current", map[string]any{"setting": setting}))
		if out.Failure != nil {
			t.Fatal(out.Failure)
		}
		if got := decode[capability.CurrentOutput](t, out.Outputs); got.Value != scalar(t, want) || got.Setting != setting {
			t.Errorf("%s: %+v, want %v", setting, got, want)
		}
	}
	if out := run(t, r.bind("key", "db.pool"), call(t, "settings.current", map[string]any{"setting": "max"})); decode[capability.CurrentOutput](t, out.Outputs).Value != scalar(t, 50) {
		t.Errorf("below key: %+v", out)
	}
	refused(t, run(t, r.bind(), call(t, "settings.current", map[string]any{"setting": "db.pool"})), plugins.Invalid)
	refused(t, run(t, r.bind("path", "none.yaml"), call(t, "settings.current", map[string]any{"setting": "a"})), plugins.NotFound)
}

func TestDriftWritesNothing(t *testing.T) {
	eachKind(t, func(t *testing.T, r *repo) {
		b := r.bind()
		c := apply(t, 60)
		plan, err := b.Plan(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		c.Expect = plan.Fingerprint
		head := r.setMax(50, 55, "By hand")
		refused(t, run(t, b, c), plugins.Drift)
		if got := r.git(r.dir, "rev-parse", "main"); got != head {
			t.Errorf("the branch moved to %s", got)
		}

		// A change of another key is no drift.
		c = apply(t, 60)
		if plan, err = b.Plan(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		c.Expect = plan.Fingerprint
		r.commit("Another key", map[string]string{"api/pool.yaml": strings.Replace(r.file(), "30s", "40s", 1)})
		applied(t, run(t, b, c))
		if got := r.file(); !strings.Contains(got, "max: 60 #") || !strings.Contains(got, "ttl: 40s") {
			t.Errorf("file is\n%s", got)
		}
	})
}

func TestRollbackRefusesWhatHasMovedOn(t *testing.T) {
	r := newRepo(t, true)
	b := r.bind()
	change := map[string]any{"id": "x", "setting": "db.pool.max", "before": 100, "after": 20, "at": "2024-07-15T10:20:00Z", "author": "a", "title": "t", "revision": "r"}
	c := call(t, "settings.rollback", map[string]any{"change": change})
	if _, err := b.Plan(t.Context(), c); plugins.AsFailure(err) == nil || plugins.AsFailure(err).Class != plugins.Drift {
		t.Errorf("plan: %v, want drift", err)
	}
	refused(t, run(t, b, c), plugins.Drift)
}

func TestWhatIsAskedForIsThere(t *testing.T) {
	r := newRepo(t, false)
	head := r.git(r.dir, "rev-parse", "main")
	b := r.bind()
	if plan, err := b.Plan(t.Context(), apply(t, 50)); err != nil || plan.BlastRadius.Affected != 0 {
		t.Errorf("plan %+v, %v", plan, err)
	}
	out := run(t, b, apply(t, 50))
	if out.Failure != nil || out.Applied != plugins.None || decode[capability.ApplyOutput](t, out.Outputs).Revision != head {
		t.Errorf("outcome %+v", out)
	}
}

func TestPackedRefs(t *testing.T) {
	eachKind(t, func(t *testing.T, r *repo) {
		r.git(r.dir, "pack-refs", "--all", "--prune")
		r.git(r.dir, "gc", "-q")
		if _, err := os.Stat(filepath.Join(r.bind().(*bound).repo.dir, "refs/heads/main")); err == nil {
			t.Fatal("the ref is not packed")
		}
		applied(t, run(t, r.bind(), apply(t, 60)))
		r.clean()
		if !strings.Contains(r.file(), "max: 60") {
			t.Error("not written")
		}
	})
}

func TestNestedBranchThatIsPacked(t *testing.T) {
	r := newRepo(t, true)
	r.git(r.dir, "branch", "env/prod/eu")
	r.git(r.dir, "pack-refs", "--all", "--prune")
	applied(t, run(t, r.bind("branch", "env/prod/eu"), apply(t, 60)))
	if got := r.git(r.dir, "show", "env/prod/eu:api/pool.yaml"); !strings.Contains(got, "max: 60") {
		t.Errorf("file is %s", got)
	}
}

func TestWorkInProgressIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(r *repo){
		"edited": func(r *repo) { r.edit("max: 51") },
		"staged": func(r *repo) { r.edit("max: 51"); r.git(r.dir, "add", "-A") },
		"link":   func(r *repo) { r.link() },
		"linked worktree": func(r *repo) {
			r.git(r.dir, "checkout", "-q", "-b", "other")
			r.git(r.dir, "worktree", "add", "-q", filepath.Join(filepath.Dir(r.dir), "linked"), "main")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, false)
			head := r.git(r.dir, "rev-parse", "main")
			spoil(r)
			b := r.bind("branch", "main")
			if _, err := b.Plan(t.Context(), apply(t, 60)); plugins.AsFailure(err) == nil || plugins.AsFailure(err).Class != plugins.Conflict || !strings.Contains(err.Error(), "try again") {
				t.Errorf("plan: %v; want a conflict that says what to do", err)
			}
			refused(t, run(t, b, apply(t, 60)), plugins.Conflict)
			if got := r.git(r.dir, "rev-parse", "main"); got != head {
				t.Errorf("the branch moved to %s", got)
			}
		})
	}
}

func (r *repo) edit(to string) {
	r.t.Helper()
	path := filepath.Join(r.work, "api/pool.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(poolYAML, "max: 50", to, 1)), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repo) link() {
	r.t.Helper()
	path := filepath.Join(r.work, "api/pool.yaml")
	if err := os.Rename(path, path+".real"); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Symlink("pool.yaml.real", path); err != nil {
		r.t.Fatal(err)
	}
}

func TestOtherWorkIsLeftAlone(t *testing.T) {
	r := newRepo(t, false)
	if err := os.WriteFile(filepath.Join(r.dir, "README"), []byte("edited\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "new"), []byte("staged\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.git(r.dir, "add", "new")
	applied(t, run(t, r.bind(), apply(t, 60)))
	if got := r.git(r.dir, "status", "--porcelain"); got != "M README\nA  new" {
		t.Errorf("status %q", got)
	}
	if got := r.git(r.dir, "show", "--name-only", "--format=", "main"); got != "api/pool.yaml" {
		t.Errorf("our commit touches %q", got)
	}
}

func TestBranchThatIsNotCheckedOut(t *testing.T) {
	r := newRepo(t, false)
	r.git(r.dir, "checkout", "-q", "-b", "feature")
	r.edit("max: 99")
	applied(t, run(t, r.bind(), apply(t, 60)))
	if got, err := os.ReadFile(filepath.Join(r.dir, "api/pool.yaml")); err != nil || !strings.Contains(string(got), "max: 99") {
		t.Errorf("the worktree of another branch was touched: %s, %v", got, err)
	}
	if !strings.Contains(r.file(), "max: 60") {
		t.Error("not written")
	}
}

func TestReadBindingMayNotWrite(t *testing.T) {
	r := newRepo(t, true)
	b := r.bindAs(plugins.Read)
	refused(t, run(t, b, apply(t, 60)), plugins.Denied)
	if out := run(t, b, call(t, "settings.changes", map[string]any{})); out.Failure != nil {
		t.Error(out.Failure)
	}
}

func TestStopBeforeTheStart(t *testing.T) {
	r := newRepo(t, true)
	stop := make(chan struct{})
	close(stop)
	c := apply(t, 60)
	c.Stop = stop
	refused(t, run(t, r.bind(), c), plugins.Cancelled)
	if !strings.Contains(r.file(), "max: 50") {
		t.Error("written")
	}
}

func TestBindRefuses(t *testing.T) {
	r := newRepo(t, true)
	for name, section := range map[string]string{
		"repo":     `{"path": "a"}`,
		"repo: ":   `{"repo": "/nowhere", "path": "a"}`,
		"path":     `{"repo": "` + r.dir + `"}`,
		"path: ":   `{"repo": "` + r.dir + `", "path": "../a"}`,
		"branch":   `{"repo": "` + r.dir + `", "path": "a", "branch": "none"}`,
		"branch: ": `{"repo": "` + r.dir + `", "path": "a", "branch": "../../config"}`,
		"key":      `{"repo": "` + r.dir + `", "path": "a", "key": "a..b"}`,
		"live_url": `{"repo": "` + r.dir + `", "path": "a", "live_url": ["ftp://x"]}`,
		"ptah":     `{"repo": "` + r.dir + `", "ptah": "a"}`,
	} {
		_, err := New().Bind(plugins.Binding{Capability: "settings", Config: json.RawMessage(section)})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", section, err)
		}
	}
}

func TestRepositoryThatIsGone(t *testing.T) {
	eachKind(t, func(t *testing.T, r *repo) {
		b := r.bind()
		if err := os.RemoveAll(r.dir); err != nil {
			t.Fatal(err)
		}
		want := "there is no git repository at " + r.dir + "; bring it back"
		says := func(what string, err error) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", what, err, want)
			}
		}
		for _, c := range []plugins.Call{call(t, "settings.current", map[string]any{"setting": "db.pool.max"}), apply(t, 60)} {
			out := run(t, b, c)
			refused(t, out, plugins.NotFound)
			says(c.Action, out.Failure)
		}
		_, err := b.Plan(t.Context(), apply(t, 60))
		says("plan", err)
		says("health", b.Health(t.Context()))
		_, err = New().Bind(plugins.Binding{Capability: "settings", Config: marshal(t, map[string]any{"repo": r.dir, "path": "api/pool.yaml"})})
		says("bind", err)
	})
}

func TestFormatsThatGoGitCannotRead(t *testing.T) {
	r := newRepo(t, true)
	r.git(r.dir, "config", "core.repositoryformatversion", "1")
	r.git(r.dir, "config", "extensions.objectformat", "sha256")
	if err := r.bind().Health(t.Context()); err == nil || !strings.Contains(err.Error(), "objectformat") {
		t.Errorf("health: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	var names []string
	for _, a := range New().Describe().Actions {
		names = append(names, a.Name)
	}
	if want := []string{"settings.apply", "settings.changes", "settings.current", "settings.rollback"}; !slices.Equal(names, want) {
		t.Errorf("actions %v", names)
	}
	if !json.Valid(New().Describe().Config["settings"]) {
		t.Error("the section has no schema")
	}
}
