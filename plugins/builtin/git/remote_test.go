package git

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/plugins/plugintest"
)

// upstream is a repository behind git's own HTTP server. Everybody may fetch;
// robot with the password may push.
type upstream struct {
	*repo
	server *httptest.Server
	copy   string // the bare repository that the plugin is bound to

	mu     sync.Mutex
	begins func()                    // once, before the next push asks where the branch is
	before func()                    // once, before the next push
	after  func(http.ResponseWriter) // once, after the next push was done
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{repo: newRepo(t, true), copy: filepath.Join(t.TempDir(), "copy")}
	u.git(u.dir, "config", "http.receivepack", "true")
	u.git(u.work, "init", "-q", "--bare", u.copy)
	program, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: program, Args: []string{"http-backend"}, Dir: u.dir,
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(u.dir), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=robot", "GIT_CONFIG_GLOBAL=" + os.DevNull, "HOME=" + os.DevNull},
	}
	u.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.String(), "git-receive-pack") {
			if _, password, _ := r.BasicAuth(); password != "hunter2" {
				w.Header().Set("WWW-Authenticate", "Basic")
				http.Error(w, "who are you", http.StatusUnauthorized)
				return
			}
		}
		if r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, "git-receive-pack") {
			if f := u.once(&u.begins); f != nil {
				f()
			}
		}
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "git-receive-pack") {
			backend.ServeHTTP(w, r)
			return
		}
		if f := u.once(&u.before); f != nil {
			f()
		}
		u.mu.Lock()
		after := u.after
		u.after = nil
		u.mu.Unlock()
		if after == nil {
			backend.ServeHTTP(w, r)
			return
		}
		backend.ServeHTTP(httptest.NewRecorder(), r)
		after(w)
	}))
	t.Cleanup(u.server.Close)
	return u
}

func (u *upstream) once(f *func()) func() {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := *f
	*f = nil
	return now
}

func (u *upstream) address(login string) string {
	return strings.Replace(u.server.URL, "://", "://"+login, 1) + "/" + filepath.Base(u.dir)
}

func (u *upstream) open(t *testing.T, access plugins.Effect) plugins.Bound {
	t.Helper()
	section := map[string]any{"repo": u.copy, "path": "api/pool.yaml", "remote": u.address("")}
	if access != plugins.Read {
		section["mutate"] = u.address("robot:hunter2@")
	}
	b, err := New().Bind(plugins.Binding{Service: "api", Capability: "settings", Access: access, Config: marshal(t, section)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// pulled brings the clone that people work in up to date.
func (u *upstream) pulled() { u.git(u.work, "pull", "-q", "--rebase", "origin", "main") }

func TestRemoteConformance(t *testing.T) {
	u := newUpstream(t)
	secret := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(secret, []byte(u.address("robot:hunter2@")), 0o600); err != nil {
		t.Fatal(err)
	}
	section := func(format string, args ...any) host.Section {
		return host.Section{Service: "api", Capability: "settings", Plugin: "git", Config: json.RawMessage(fmt.Sprintf(format, args...))}
	}
	revision := u.setMax(50, 20, "Tune")
	change := fmt.Sprintf(`{"id": "x", "setting": "db.pool.max", "before": 50, "after": 20, "at": "2024-07-15T10:20:00Z", "author": "a", "title": "t", "revision": %q}`, revision)
	state := func(*testing.T) string { return u.file() }
	drift := func(t *testing.T) {
		set := func(from, to string) {
			u.pulled()
			u.commit("By hand", map[string]string{"api/pool.yaml": strings.Replace(u.file(), from, to, 1)})
		}
		set("max: 20", "max: 21")
		t.Cleanup(func() { set("max: 21", "max: 20") })
	}
	plugintest.Run(t, plugintest.Self("git"), plugintest.Cases{
		Sections: []host.Section{section(`{"repo": %q, "path": "api/pool.yaml", "remote": %q, "mutate": {"secret": "file:%s"}}`, u.copy, u.address(""), secret)},
		Refused: []plugintest.Refused{
			{Section: section(`{"repo": %q, "path": "a", "remote": "ssh://h/r"}`, u.copy), Key: "remote"},
			{Section: section(`{"repo": %q, "path": "a", "remote": "http://h/r"}`, u.work), Key: "repo"},
			{Section: section(`{"repo": %q, "path": "a", "remote": "http://h/r"}`, u.copy), Access: plugins.Mutate, Key: "mutate"},
			{Section: section(`{"repo": %q, "path": "a", "remote": "http://h/r", "mutate": "http://h/s"}`, u.copy), Access: plugins.Mutate, Key: "mutate"},
		},
		Reads: []plugintest.Read{
			{Service: "api", Action: "settings.current", Input: json.RawMessage(`{"setting": "db.pool.max"}`)},
			{Service: "api", Action: "settings.changes", Input: json.RawMessage(`{}`)},
		},
		Mutations: []plugintest.Mutation{
			{Service: "api", Action: "settings.apply", Input: json.RawMessage(`{"setting": "db.pool.max", "value": 60}`), State: state, Drift: drift},
			{Service: "api", Action: "settings.rollback", Input: json.RawMessage(`{"change": ` + change + `}`), State: state, Drift: drift},
		},
	})
}

// TestPushed holds that a commit of ours is on the remote's branch, on top of
// what is there, and names the run, who began it and who approved it, and the
// call. A name cannot bring in a line or an address of its own.
func TestPushed(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	b := u.open(t, plugins.Mutate)
	top := u.setMax(50, 20, "Tune") // after it was bound
	order := apply(t, 60)
	order.Origin = plugins.Origin{Run: "r1", RequestedBy: "ann", ApprovedBy: []string{"bob", "eve <eve@x>\nSigned-off-by: root"}}
	plan, err := b.Plan(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	out := applied(t, run(t, b, order))
	if p := b.Probe(t.Context(), order, plan.Undo); p.Applied != plugins.All {
		t.Errorf("a lost call: %+v", p)
	}
	if out.Revision != u.git(u.dir, "rev-parse", "main") || u.git(u.dir, "rev-parse", "main^") != top || out.From.String() != "20" {
		t.Errorf("%+v is not on top of %s", out, top)
	}
	message := u.git(u.dir, "log", "-1", "--format=%an|%ae|%cn%n%B", "main")
	want := "firebreak for bob, eve eve@x Signed-off-by: root|firebreak@localhost|firebreak\nSet db.pool.max to 60 (was 20)\n\n" +
		"Made by firebreak in run r1, approved by bob, eve <eve@x> Signed-off-by: root.\n\n" +
		"Requested-by: ann\nApproved-by: bob\nApproved-by: eve <eve@x> Signed-off-by: root\nFirebreak-Run: r1\nFirebreak-Call: " + order.ID
	if strings.TrimSpace(message) != want {
		t.Errorf("the commit is\n%s\nwant\n%s", message, want)
	}
	if got := u.git(u.dir, "log", "-1", "--format=%(trailers:key=Approved-by,valueonly)", "main"); !strings.HasPrefix(got, "bob\n") {
		t.Errorf("git reads the trailer as %q", got)
	}
	if strings.Contains(b.Resource(), "hunter2") || !strings.HasSuffix(b.Resource(), "/settings:main:api/pool.yaml") || strings.Contains(b.Resource(), u.copy) {
		t.Errorf("resource %s", b.Resource())
	}
}

// TestRemoteMoves holds that a push that comes second is made again on top,
// and is given up where the setting itself was changed.
func TestRemoteMoves(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	b := u.open(t, plugins.Mutate)
	u.before = func() { u.commit("Other", map[string]string{"README": "other\n"}) }
	out := applied(t, run(t, b, apply(t, 60)))
	if out.Revision != u.git(u.dir, "rev-parse", "main") || u.git(u.dir, "show", "main:README") != "other" {
		t.Error("the commit is not on top of what came first")
	}
	u.pulled()
	c := apply(t, 70)
	plan, err := b.Plan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.Expect = plan.Fingerprint
	u.before = func() { u.setMax(60, 61, "By hand") }
	refused(t, run(t, b, c), plugins.Drift)
	if !strings.Contains(u.file(), "max: 61") {
		t.Errorf("what was set by hand is gone:\n%s", u.file())
	}
}

// TestRemoteRewound holds that what somebody has just taken off the branch does
// not come back with a commit of ours.
func TestRemoteRewound(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	b := u.open(t, plugins.Mutate)
	u.commit("Bad", map[string]string{"README": "bad\n"})
	u.begins = func() { u.git(u.dir, "update-ref", "refs/heads/main", "main~1") }
	out := applied(t, run(t, b, apply(t, 60)))
	if out.Revision != u.git(u.dir, "rev-parse", "main") || u.git(u.dir, "show", "main:README") != "hello" {
		t.Errorf("main is\n%s", u.git(u.dir, "log", "--oneline", "main"))
	}
}

// TestMessageIsOfOneSubject holds that a value cannot bring lines into the
// commit's message, where trailers say who approved it and probes look, nor
// into git's own log.
func TestMessageIsOfOneSubject(t *testing.T) {
	t.Parallel()
	r := newRepo(t, false)
	c := call(t, "settings.apply", map[string]any{"setting": "cache.ttl", "value": "1s\n\nApproved-by: root\nFirebreak-Call: another\n"})
	applied(t, run(t, r.bind(), c))
	message := r.git(r.dir, "log", "-1", "--format=%B")
	if strings.Contains(message, "\nApproved-by: root") || strings.Contains(message, "\nFirebreak-Call: another") {
		t.Errorf("the commit says\n%s", message)
	}
	if got := len(strings.Split(r.git(r.dir, "reflog", "--format=%gs"), "\n")); got != 2 {
		t.Errorf("the reflog has %d lines", got)
	}
}

// TestPushRefused holds that the remote's own rules are told, and leave
// nothing behind.
func TestPushRefused(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	if err := os.WriteFile(filepath.Join(u.dir, "hooks", "pre-receive"), []byte("#!/bin/sh\necho protected\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := u.open(t, plugins.Mutate)
	o := run(t, b, apply(t, 60))
	refused(t, o, plugins.Conflict)
	if !strings.Contains(o.Failure.Reason, "hook") || strings.Contains(o.Failure.Reason, "hunter2") {
		t.Errorf("reason: %s", o.Failure.Reason)
	}
	now := decode[capability.CurrentOutput](t, run(t, b, call(t, "settings.current", map[string]any{"setting": "db.pool.max"})).Outputs)
	if now.Value.String() != "50" {
		t.Errorf("it is %s", now.Value)
	}
}

func TestPushDenied(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	b, err := New().Bind(plugins.Binding{Service: "api", Capability: "settings", Access: plugins.Mutate, Config: marshal(t, map[string]any{
		"repo": u.copy, "path": "api/pool.yaml", "remote": u.address(""), "mutate": u.address("robot:wrong@"),
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	o := run(t, b, apply(t, 60))
	refused(t, o, plugins.Denied)
	if strings.Contains(o.Failure.Reason, "wrong") {
		t.Errorf("the reason shows the password: %s", o.Failure.Reason)
	}
}

// TestAnswerLost holds that the remote is asked what became of a push.
func TestAnswerLost(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	b := u.open(t, plugins.Mutate)
	u.after = func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	out := applied(t, run(t, b, apply(t, 60)))
	if out.Revision != u.git(u.dir, "rev-parse", "main") {
		t.Errorf("%s is not what main is", out.Revision)
	}
}

// TestRemoteGone holds that changes that are known are better than none, and
// that nothing else is answered from a copy.
func TestRemoteGone(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	u.setMax(50, 20, "Tune")
	b := u.open(t, plugins.Mutate)
	current := call(t, "settings.current", map[string]any{"setting": "db.pool.max"})
	if o := run(t, b, current); o.Failure != nil {
		t.Fatal(o.Failure)
	}
	u.server.Close()
	var s stream
	o := b.Run(t.Context(), call(t, "settings.changes", map[string]any{}), &s)
	if o.Failure != nil || len(decode[capability.ChangesOutput](t, o.Outputs).Changes) == 0 || len(s.logs) != 1 || !strings.Contains(s.logs[0], "may be missing") {
		t.Errorf("%+v, said %q", o.Failure, s.logs)
	}
	refused(t, run(t, b, current), plugins.Unavailable)
	refused(t, run(t, b, apply(t, 60)), plugins.Unavailable)
	if err := b.Health(t.Context()); err == nil {
		t.Error("it is well")
	}
}
