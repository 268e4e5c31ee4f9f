package git

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const poolYAML = "# settings\ndb:\n  pool:\n    max: 50 # sized for peak\n    min: 5\ncache:\n  ttl: 30s\n"

// repo is a real repository, and a clone of it to work in when it is bare.
type repo struct {
	t    testing.TB
	dir  string // what the plugin is bound to
	work string // where git commit runs
	bare bool
}

func newRepo(t testing.TB, bare bool) *repo {
	t.Helper()
	base := t.TempDir()
	r := &repo{t: t, dir: filepath.Join(base, "settings"), bare: bare}
	r.work = r.dir
	if bare {
		r.git(base, "init", "-q", "--bare", "-b", "main", r.dir)
		r.work = filepath.Join(base, "work")
		r.git(base, "clone", "-q", r.dir, r.work)
		r.git(r.work, "checkout", "-q", "-B", "main")
	} else {
		r.git(base, "init", "-q", "-b", "main", r.dir)
	}
	r.commit("Begin", map[string]string{"api/pool.yaml": poolYAML, "README": "hello\n"})
	return r
}

func gitCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
	}
	return cmd
}

func (r *repo) git(dir string, args ...string) string {
	r.t.Helper()
	out, err := gitCommand(dir, args...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files, commits, and pushes to a bare repository.
func (r *repo) commit(title string, files map[string]string) string {
	r.t.Helper()
	for name, content := range files {
		path := filepath.Join(r.work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git(r.work, "add", "-A")
	r.git(r.work, "commit", "-q", "-m", title)
	if r.bare {
		r.git(r.work, "push", "-q", "origin", "HEAD:main")
	}
	return r.git(r.work, "rev-parse", "HEAD")
}

// setMax commits another db.pool.max.
func (r *repo) setMax(from, to int, title string) string {
	r.t.Helper()
	return r.commit(title, map[string]string{"api/pool.yaml": strings.Replace(r.file(), fmt.Sprintf("max: %d", from), fmt.Sprintf("max: %d", to), 1)})
}

// file is the settings file on the branch.
func (r *repo) file() string {
	r.t.Helper()
	return r.git(r.dir, "show", "main:api/pool.yaml") + "\n"
}

func (r *repo) bind(extra ...any) plugins.Bound {
	r.t.Helper()
	return r.bindAs(plugins.Mutate, extra...)
}

func (r *repo) bindAs(access plugins.Effect, extra ...any) plugins.Bound {
	r.t.Helper()
	section := map[string]any{"plugin": "git", "repo": r.dir, "path": "api/pool.yaml"}
	for i := 0; i < len(extra); i += 2 {
		section[extra[i].(string)] = extra[i+1]
	}
	raw := marshal(r.t, section)
	b, err := New().Bind(plugins.Binding{Service: "api", Capability: "settings", Access: access, Config: raw})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { b.Close() })
	return b
}

func marshal(t testing.TB, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// call makes a call with an input, or with a receipt.
func call(t testing.TB, action string, input any) plugins.Call {
	t.Helper()
	c := plugins.Call{ID: "r1/" + action + "#1/act", Action: action}
	if receipt, ok := input.(json.RawMessage); ok {
		c.Receipt = receipt
		return c
	}
	c.Input = marshal(t, input)
	return c
}

func apply(t testing.TB, value any) plugins.Call {
	return call(t, "settings.apply", map[string]any{"setting": "db.pool.max", "value": value})
}

func run(t testing.TB, b plugins.Bound, c plugins.Call) plugins.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return b.Run(ctx, c, &stream{})
}

func decode[T any](t testing.TB, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func applied(t testing.TB, out plugins.Outcome) capability.ApplyOutput {
	t.Helper()
	if out.Failure != nil || out.Applied != plugins.All {
		t.Fatalf("applied %s, failure %v", out.Applied, out.Failure)
	}
	return decode[capability.ApplyOutput](t, out.Outputs)
}

func refused(t testing.TB, out plugins.Outcome, class string) {
	t.Helper()
	if out.Failure == nil || out.Failure.Class != class || out.Applied != plugins.None {
		t.Fatalf("applied %s, failure %+v; want none and class %s", out.Applied, out.Failure, class)
	}
}

// stream collects what a call reports.
type stream struct {
	mu   sync.Mutex
	logs []string
}

func (s *stream) Progress(int, int, string) {}

func (s *stream) Log(level, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = append(s.logs, level+": "+text)
}

func eachKind(t *testing.T, f func(t *testing.T, r *repo)) {
	for name, bare := range map[string]bool{"bare": true, "checked out": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, newRepo(t, bare))
		})
	}
}

func scalar(t testing.TB, v any) capability.Scalar {
	t.Helper()
	s, err := capability.ScalarOf(v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
