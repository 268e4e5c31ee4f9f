package enginetest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	mutating = flag.Bool("mutants", false, "build every mutant of the engine, and let the simulator kill it")
	budget   = flag.Int("budget", 30_000, "how many lives a mutant may survive")
)

// mutant is an engine with one thing wrong. Its source differs from the
// engine's by a few edits, each of which applies in exactly one place; the
// product itself has no switch for tests.
type mutant struct {
	name  string
	says  string // what the judge says of it, in part
	edits []edit
}

// edit replaces text in a file of the engine.
type edit struct{ file, old, with string }

// TestMutantsApply holds the edits to the engine as it is.
func TestMutantsApply(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutants {
		if seen[m.name] {
			t.Errorf("two mutants are called %q", m.name)
		}
		seen[m.name] = true
		if _, err := m.apply(); err != nil {
			t.Error(err)
		}
	}
	if len(mutants) < 20 {
		t.Errorf("%d mutants", len(mutants))
	}
}

// TestMutants lets the simulator kill every mutant: what no life finds wrong,
// no life would find wrong in the engine.
func TestMutants(t *testing.T) {
	if !*mutating {
		t.Skip("with -mutants")
	}
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			switch said, err := m.live(t.Context(), t.TempDir()); {
			case err != nil:
				t.Error(err)
			case said == "":
				t.Errorf("it lives after %d lives", *budget)
			case !strings.Contains(said, m.says):
				t.Errorf("it dies of something else than %q: %s", m.says, said)
			default:
				t.Log(said)
			}
		})
	}
}

// apply returns the changed files by their path.
func (m *mutant) apply() (map[string]string, error) {
	files := map[string]string{}
	for _, e := range m.edits {
		path := filepath.Join("..", filepath.FromSlash(e.file))
		src, ok := files[path]
		if !ok {
			b, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
			src = string(b)
		}
		if n := strings.Count(src, e.old); n != 1 {
			return nil, fmt.Errorf("%s: its edit of %s applies in %d places, and should in 1: the engine has changed, so write the mutant anew", m.name, e.file, n)
		}
		files[path] = strings.Replace(src, e.old, e.with, 1)
	}
	return files, nil
}

// live builds the simulator over the mutant and runs it. It returns what the
// judge said first; empty: nothing.
func (m *mutant) live(ctx context.Context, dir string) (string, error) {
	files, err := m.apply()
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for path, src := range files {
		abs, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		replace[abs] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(replace[abs], []byte(src), 0o600); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	list, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "lives.exe")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", list, "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build it: %w\n%s", err, out)
	}
	args := []string{"-test.run", "^TestLives$", "-lives", fmt.Sprint(*budget), "-seed", fmt.Sprint(*seed), "-shrink=" + fmt.Sprint(*record != "")}
	if *record != "" {
		args = append(args, "-record", *record+strings.ReplaceAll(m.name, " ", "-"), "-about", "by an engine in which "+m.name)
	}
	out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
	if err == nil {
		return "", nil
	}
	for line := range strings.Lines(string(out)) {
		if _, said, ok := strings.Cut(line, ": seed "); ok {
			return "seed " + strings.TrimSpace(said), nil
		}
	}
	return "", fmt.Errorf("it falls over: %w\n%s", err, out[:min(len(out), 2000)])
}
