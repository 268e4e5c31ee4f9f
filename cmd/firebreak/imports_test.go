package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The import rules, as in .golangci.yml, where each has its reason. Here they
// hold for whoever has only Go at hand, and here alone they reach through
// other packages.

const module = "github.com/firebreak-ops/firebreak/"

type rule struct {
	in       []string // packages; a last /... stands for those below, without itself
	optional bool     // there may be none of them
	never    []string // to import, nor what is below
	exactly  []string // never to import; what is below is fine
	reached  []string // never to import, nor through others
}

var core = []string{
	module + "engine", module + "engine/expr", module + "engine/policy",
	module + "engine/runbook", module + "engine/service",
}

// pure holds those who drive the engine in memory, too: the tests of runbooks,
// and what looks ahead of a run.
var pure = append(slices.Clone(core), module+"engine/cases", module+"engine/forecast")

var rules = map[string]rule{
	"the engine is pure": {
		in: pure,
		never: []string{
			"os", "context", "math/rand", "crypto/rand", "database/sql", "log", "net/http", "syscall",
			module + "chatops", module + "cmd", module + "engine/local", module + "engine/temporal",
			module + "plugins", module + "runbooks", module + "server",
		},
		exactly: []string{"net"},
		reached: []string{"net", "os/exec", "database/sql", "log/slog"},
	},
	"its rooms import each other downwards": {
		in:      core[1:],
		exactly: []string{module + "engine"},
	},
	"what looks ahead decides nothing": {
		in:    []string{module + "engine"},
		never: []string{module + "engine/forecast"},
	},
	"expressions are the lowest room": {
		in:    []string{module + "engine/expr"},
		never: []string{strings.TrimSuffix(module, "/")},
	},
	"a runtime knows no edge": {
		in:    []string{module + "engine/local", module + "engine/local/..."},
		never: []string{module + "chatops", module + "cmd", module + "engine/temporal", module + "plugins", module + "runbooks", module + "server"},
	},
	"storage is behind a port": {
		in:    []string{module + "engine/local"},
		never: []string{"database/sql", module + "engine/local/sqlite"},
	},
	"the plugin kit stands alone": {
		in: []string{module + "plugins", module + "plugins/proto"},
		never: []string{
			module + "chatops", module + "cmd", module + "engine", module + "runbooks", module + "server",
			module + "plugins/builtin", module + "plugins/capability", module + "plugins/host",
		},
	},
	"the host knows no built-in": {
		in:    []string{module + "plugins/host", module + "plugins/host/..."},
		never: []string{module + "plugins/builtin", module + "cmd"},
	},
	"a built-in is written like anybody's plugin": {
		in: []string{module + "plugins/builtin/..."},
		never: []string{
			module + "chatops", module + "cmd", module + "engine", module + "runbooks", module + "server",
			module + "plugins/builtin", module + "plugins/host", module + "plugins/proto",
		},
	},
	"an edge knows no runtime": {
		in:       []string{module + "chatops", module + "chatops/...", module + "server", module + "server/..."},
		optional: true,
		never:    []string{module + "cmd", module + "engine/local", module + "engine/temporal", module + "plugins"},
	},
}

// only says who alone may import a library.
var only = map[string][]string{
	"github.com/hashicorp/go-plugin": {module + "plugins", module + "plugins/host", module + "plugins/host/..."},
	"github.com/slack-go/slack":      {module + "chatops/slack"},
	"github.com/spf13/cobra":         {module + "cmd/..."},
	"go.temporal.io":                 {module + "engine/temporal"},
	"modernc.org/sqlite":             {module + "engine/local/sqlite"},
}

// testOnly is never imported by production code.
var testOnly = []string{
	"testing", "github.com/google/go-cmp", "github.com/rogpeppe/go-internal", "go.uber.org/goleak",
	module + "chatops/slack/slacktest", module + "engine/enginetest", module + "engine/yamltest", module + "plugins/plugintest",
	module + "server/paging/pagingtest", module + "server/traces/tracestest",
}

type listed struct {
	ImportPath string   `json:"ImportPath"`
	Imports    []string `json:"Imports"`
	Deps       []string `json:"Deps"`
}

func list(t *testing.T) []listed {
	t.Helper()
	// Go's test cache sees which files a test looks at, but not which ones
	// the go command does.
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".go" {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports,Deps", module+"...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

func TestImports(t *testing.T) {
	packages := list(t)
	for name, r := range rules {
		t.Run(name, func(t *testing.T) {
			seen := false
			for _, p := range packages {
				if !among(p.ImportPath, r.in) {
					continue
				}
				seen = true
				for _, imp := range p.Imports {
					if below(imp, r.never) || among(imp, r.exactly) {
						t.Errorf("%s imports %s", p.ImportPath, imp)
					}
				}
				for _, dep := range p.Deps {
					if among(dep, r.reached) {
						t.Errorf("%s reaches %s", p.ImportPath, dep)
					}
				}
			}
			if !seen && !r.optional {
				t.Errorf("no package is one of %q", r.in)
			}
		})
	}
}

func TestSoleImporters(t *testing.T) {
	for _, p := range list(t) {
		for library, importers := range only {
			if testRoom(p.ImportPath) || among(p.ImportPath, importers) {
				continue
			}
			for _, imp := range p.Imports {
				if below(imp, []string{library}) {
					t.Errorf("%s imports %s, which only %q may", p.ImportPath, imp, importers)
				}
			}
		}
	}
}

func TestNoTestCodeInProduction(t *testing.T) {
	for _, p := range list(t) {
		if testRoom(p.ImportPath) {
			continue
		}
		for _, imp := range p.Imports {
			if below(imp, testOnly) {
				t.Errorf("%s imports %s", p.ImportPath, imp)
			}
		}
	}
}

// testRoom reports whether a package exists for tests, by its name or that of
// one that it is below.
func testRoom(path string) bool {
	return strings.HasSuffix(path, "test") || strings.Contains(path, "test/")
}

// among reports whether a path is one of some; /... stands for what is below.
func among(path string, some []string) bool {
	for _, s := range some {
		room, tree := strings.CutSuffix(s, "...")
		if path == s || tree && strings.HasPrefix(path, room) {
			return true
		}
	}
	return false
}

// below reports whether a path is one of some or below it.
func below(path string, some []string) bool {
	for _, s := range some {
		if path == s || strings.HasPrefix(path, s+"/") {
			return true
		}
	}
	return false
}
