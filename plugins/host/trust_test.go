package host

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
)

// thirdParty is a copy of the test binary as the plugin demo, pinned.
func thirdParty(t *testing.T) Spec {
	t.Helper()
	path := copySelf(t, filepath.Join(t.TempDir(), "acme"))
	sum, err := hashSelf()
	if err != nil {
		t.Fatal(err)
	}
	return Spec{Name: "demo", Path: path, Args: []string{"plugin", "demo"}, SHA256: sum}
}

func copySelf(t *testing.T, path string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPinnedThirdPartyRuns(t *testing.T) {
	spec := thirdParty(t)
	h := started(t, Config{Specs: []Spec{spec}})
	if o := h.Run(inTime(t), call("1", "echo"), nil); o.Failure != nil {
		t.Fatal(o.Failure)
	}
	if got, want := h.Served("demo"), "demo@1.2.3+sha256:"+spec.SHA256[:16]; got != want {
		t.Errorf("served by %s, want %s", got, want)
	}
}

func TestChangedThirdPartyIsRefused(t *testing.T) {
	spec := thirdParty(t)
	file, err := os.OpenFile(spec.Path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	h := started(t, Config{Specs: []Spec{spec}})
	o := h.Run(inTime(t), call("1", "echo"), nil)
	wantFailure(t, o, plugins.Unavailable, plugins.None)
	if !strings.Contains(o.Failure.Reason, spec.SHA256+" is pinned") {
		t.Errorf("reason %q does not name the pinned checksum", o.Failure.Reason)
	}
	if s := h.Status()[0]; s.State != CrashLoop || s.PID != "" {
		t.Errorf("status %+v; want a crash loop without a process", s)
	}
}

// What runs was checked and goes on. What is on the disk by the time that it
// must be started again was not.
func TestThirdPartyChangedWhileItRuns(t *testing.T) {
	spec := thirdParty(t)
	h := started(t, Config{Specs: []Spec{spec}})
	first := pid(t, h)
	next := copySelf(t, spec.Path+".new")
	file, err := os.OpenFile(next, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, spec.Path); err != nil {
		t.Fatal(err)
	}
	if now := pid(t, h); now != first {
		t.Errorf("process %d serves, want %d, which was checked", now, first)
	}
	wantFailure(t, h.Run(inTime(t), call("c", "crash"), nil), plugins.Unavailable, plugins.Unknown)
	o := h.Run(inTime(t), call("1", "echo"), nil)
	wantFailure(t, o, plugins.Unavailable, plugins.None)
	if !strings.Contains(o.Failure.Reason, spec.SHA256+" is pinned") {
		t.Errorf("reason %q does not name the pinned checksum", o.Failure.Reason)
	}
}

// A third party serves its own actions and those of contracts, whatever it
// says that it is.
func TestThirdPartyCannotPassForABuiltin(t *testing.T) {
	spec := thirdParty(t)
	spec.Name = "acme" // the executable says demo, and offers demo's actions
	h := started(t, Config{Specs: []Spec{spec, builtin("demo")}})
	o := h.Run(inTime(t), Call{ID: "1", Action: "acme.echo", Input: json.RawMessage(`{}`)}, nil)
	wantFailure(t, o, plugins.Unavailable, plugins.None)
	if !strings.Contains(o.Failure.Reason, `says that it is plugin "demo"`) {
		t.Errorf("reason %q", o.Failure.Reason)
	}
	if served := h.Served("demo"); served != "" {
		t.Errorf("demo is served by %s", served)
	}
	pid(t, h)
	if h.Status()[1].Builtin != true || !strings.HasPrefix(h.Served("demo"), "demo@1.2.3+sha256:") {
		t.Errorf("demo is served by %s", h.Served("demo"))
	}
}

func TestWhatWasCheckedIsWhatRuns(t *testing.T) {
	spec := thirdParty(t)
	exe, err := open(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer exe.close()
	impostor := filepath.Join(t.TempDir(), "impostor")
	if err := os.WriteFile(impostor, []byte("#!/bin/sh\nexit 9\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(impostor, spec.Path); err != nil { // after the check, before the start
		t.Fatal(err)
	}
	thread := newThread()
	defer thread.close()
	c := newChild(exe, thread)
	c.cmd.Args = []string{"acme", "plugin", "stillborn"}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.line.Close(); closeAll(c.stdout, c.stderr) }() // never fails
	<-c.gone
	if c.exit == nil || c.exit.Error() != "exit status 3" {
		t.Errorf("it ended with %v; want the checked program's exit status 3", c.exit)
	}
}

func TestConfigIsRefused(t *testing.T) {
	sum := strings.Repeat("0", 64)
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"shadowed built-in", Config{Specs: []Spec{builtin("git"), {Name: "git", Path: "/opt/git", SHA256: sum}}}, "belongs to a built-in"},
		{"shadowed, the other way round", Config{Specs: []Spec{{Name: "git", Path: "/opt/git", SHA256: sum}, builtin("git")}}, "belongs to a built-in"},
		{"twice", Config{Specs: []Spec{builtin("git"), builtin("git")}}, "given twice"},
		{"relative", Config{Specs: []Spec{{Name: "acme", Path: "acme", SHA256: sum}}}, "not absolute"},
		{"not pinned", Config{Specs: []Spec{{Name: "acme", Path: "/acme"}}}, "64 hex digits"},
		{"odd name", Config{Specs: []Spec{builtin("../x")}}, "a name is a letter"},
		{"no such plugin", Config{Sections: []Section{{Service: "api", Capability: "x", Plugin: "nobody"}}}, `there is no plugin "nobody"`},
		{"two sections", Config{Specs: []Spec{builtin("git")}, Sections: []Section{
			{Service: "api", Capability: "x", Plugin: "git"}, {Service: "api", Capability: "x", Plugin: "git"},
		}}, "given twice"},
		{"no service", Config{Specs: []Spec{builtin("git")}, Sections: []Section{{Capability: "x", Plugin: "git"}}}, "go together"},
		{"contract", Config{Contracts: []plugins.Action{{Name: "x.y"}}}, "contract x.y: it has no effect"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := New(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want %q", err, test.want)
			}
		})
	}
}

func TestAccept(t *testing.T) {
	contracts := map[string]plugins.Action{
		"settings.apply": {Name: "settings.apply", Effect: plugins.Mutate, Undo: "settings.apply", SettlesIn: 5},
	}
	describe := func(actions ...plugins.Action) plugins.Description {
		return plugins.Description{Name: "acme", Version: "1", Actions: actions}
	}
	tests := []struct {
		name string
		d    plugins.Description
		want string
	}{
		{"other name", plugins.Description{Name: "git"}, `says that it is plugin "git"`},
		{"another tool's action", describe(plugins.Action{Name: "http.request", Effect: plugins.Mutate}), `action "http.request" is no contract's`},
		{"weaker", describe(plugins.Action{Name: "settings.apply", Effect: plugins.Read}), "weaker than the contract's"},
		{"no effect", describe(plugins.Action{Name: "acme.do"}), "has no effect"},
		{"bad schema", describe(plugins.Action{Name: "acme.do", Effect: plugins.Read, Input: json.RawMessage(`{"type":3}`)}), "its input: not a JSON Schema"},
		{"twice", describe(plugins.Action{Name: "acme.do", Effect: plugins.Read}, plugins.Action{Name: "acme.do", Effect: plugins.Read}), "described twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := accept(Spec{Name: "acme"}, test.d, contracts); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want %q", err, test.want)
			}
		})
	}

	actions, err := accept(Spec{Name: "acme"}, describe(plugins.Action{
		Name: "settings.apply", Effect: plugins.Irreversible, Idempotent: true, Probe: true, NoPrecondition: true, SettlesIn: 3,
	}), contracts)
	if err != nil {
		t.Fatal(err)
	}
	got := actions["settings.apply"].Action
	if got.Effect != plugins.Irreversible || got.Idempotent || !got.Probe || !got.NoPrecondition || got.SettlesIn != 5 || got.Undo != "settings.apply" {
		t.Errorf("the contract with stronger claims is %+v", got)
	}
}

func TestEnvironmentIsScrubbed(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "leak")
	t.Setenv("TZ", "UTC")
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1") // as in a pod
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	t.Setenv("API_SERVICE_HOST", "10.96.0.2")
	o := demoHost(t).Run(inTime(t), call("e", "env"), nil)
	if o.Failure != nil {
		t.Fatal(o.Failure)
	}
	var out struct{ Env []string }
	if err := json.Unmarshal(o.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	allowed := []string{"PATH", "HOME", "TMPDIR", "TZ", "LANG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", plugins.Handshake().MagicCookieKey}
	for _, entry := range out.Env {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.Contains(allowed, name) && !strings.HasPrefix(name, "PLUGIN_") {
			t.Errorf("the plugin sees %s", name)
		}
	}
	for _, want := range []string{"TZ=UTC", "KUBERNETES_SERVICE_HOST=10.96.0.1", "KUBERNETES_SERVICE_PORT=443"} {
		if !slices.Contains(out.Env, want) {
			t.Errorf("the plugin does not see %s: %v", want, out.Env)
		}
	}
}
