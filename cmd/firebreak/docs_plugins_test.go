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
)

// TestDocsPluginGuide does what the page on plugins says, block by block, for
// either language, in a home of its own.
func TestDocsPluginGuide(t *testing.T) {
	seen(t, "../../plugins", "../../engine", "../../server", "../../chatops", "../../runbooks")
	for _, language := range []string{"go", "python"} {
		t.Run(language, func(t *testing.T) {
			var script strings.Builder
			script.WriteString("set -eu\n")
			for _, f := range fences("plugins.md", page(t, "plugins.md"), "sh") {
				if _, only, _ := strings.Cut(f.info, " "); only == "" || only == language {
					script.WriteString(f.text)
				}
			}
			home := t.TempDir()
			env := append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "FIREBREAK_STATE=", "FIREBREAK_CONFIG=")
			for _, name := range []string{"GOPATH", "GOCACHE", "GOMODCACHE"} { // not built anew for this home
				out, err := exec.Command("go", "env", name).Output()
				if err != nil {
					t.Fatal(err)
				}
				env = append(env, name+"="+strings.TrimSpace(string(out)))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			answered := make(chan struct{})
			go func() { defer close(answered); approveAll(ctx, env) }()
			cmd := exec.CommandContext(ctx, "bash", "-c", script.String())
			cmd.Dir, cmd.Env = "../..", env
			out, err := cmd.CombinedOutput()
			cancel()
			<-answered
			if err != nil {
				t.Fatalf("the guide ends with %v:\n%s", err, out)
			}
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

// approveAll is the other terminal: it approves what it finds open, until ctx
// ends.
func approveAll(ctx context.Context, env []string) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		list := exec.CommandContext(ctx, "firebreak", "runs", "list", "--open", "--json")
		list.Env = env
		out, err := list.Output()
		if err != nil {
			continue // there is no state yet
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
