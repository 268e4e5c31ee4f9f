package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
)

// TestDocsPluginGuide does what the page on plugins says, block by block, for
// either language, in a home of its own.
func TestDocsPluginGuide(t *testing.T) {
	seen(t, "../../plugins", "../../engine", "../../server", "../../chatops", "../../runbooks")
	for _, language := range []string{"go", "python"} {
		t.Run(language, func(t *testing.T) {
			home, out := follow(t, "plugins.md", page(t, "plugins.md"), func(only string) bool { return only == "" || only == language })
			for _, want := range []string{"jsonfile keeps all 13 rules", "settings.apply", "■ succeeded"} {
				if !bytes.Contains(out, []byte(want)) {
					t.Errorf("the guide does not say %q:\n%s", want, out)
				}
			}
			raw, err := os.ReadFile(filepath.Join(home, "try", "settings.json"))
			if err != nil {
				t.Fatal(err)
			}
			var settings map[string]any
			if err := json.Unmarshal(raw, &settings); err != nil || settings["db.pool.max"] != 50.0 {
				t.Errorf("the settings are %s", raw)
			}
		})
	}
}

// TestDocsReadme does what the README says, block by block.
func TestDocsReadme(t *testing.T) {
	seen(t, "../../plugins", "../../engine", "../../server", "../../chatops", "../../runbooks")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	home, out := follow(t, "README.md", string(readme), func(only string) bool { return only == "try" })
	for _, want := range []string{"hello.yaml: ok", "■ no_action", "would change with settings.apply, touches 1 setting", "■ succeeded"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("the README does not come to %q:\n%s", want, out)
		}
	}
	settings, err := exec.Command("git", "-C", filepath.Join(home, "firebreak-try", "config"), "show", "main:api/pool.yaml").Output()
	if err != nil || !bytes.Contains(settings, []byte("max: 20")) {
		t.Errorf("the settings are %s: %v", settings, err)
	}
}

// follow runs the blocks of a page that are for a shell and wanted, in a home
// of its own, and returns that home and what they said.
func follow(t *testing.T, file, text string, wanted func(only string) bool) (home string, out []byte) {
	t.Helper()
	var script strings.Builder
	script.WriteString("set -eu\n")
	for _, f := range fences(file, text, "sh") {
		if _, only, _ := strings.Cut(f.info, " "); wanted(only) {
			script.WriteString(f.text)
		}
	}
	home = t.TempDir()
	env := append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "FIREBREAK_STATE=", "FIREBREAK_CONFIG=")
	for _, name := range []string{"GOPATH", "GOCACHE", "GOMODCACHE"} { // not built anew for this home
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(out)))
	}
	ctx, cancel := context.WithCancel(t.Context()) // a build may take long
	defer cancel()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		approveAll(ctx, filepath.Join(home, ".local", "state", "firebreak", "state.db"), env)
	}()
	cmd := exec.CommandContext(ctx, "bash", "-c", script.String())
	cmd.Dir, cmd.Env = "../..", env
	out, err := cmd.CombinedOutput()
	cancel()
	<-answered
	if err != nil {
		t.Fatalf("%s ends with %v:\n%s", file, err, out)
	}
	return home, out
}

// approveAll is the other terminal: it approves what it finds open, until ctx
// ends. It asks an owner that there is: where there is none it would be it, and
// in the way of the next.
func approveAll(ctx context.Context, state string, env []string) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if owner, _, err := sqlite.FindOwner(state); err != nil || owner.Socket == "" {
			continue
		}
		list := exec.CommandContext(ctx, "firebreak", "runs", "list", "--open", "--json")
		list.Env = env
		out, err := list.Output()
		if err != nil {
			continue // it has ended
		}
		var run struct{ ID string }
		if json.Unmarshal(out, &run) != nil {
			continue
		}
		approve := exec.CommandContext(ctx, "firebreak", "approve", run.ID)
		approve.Env = env
		_ = approve.Run() // it may not be asked yet
	}
}

// seen looks at every file below some folders, so that Go's test cache knows
// that a test which runs commands depends on them.
func seen(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}
