package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/firebreak-ops/firebreak/chatops/slack"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/builtin/diagnose"
	"github.com/firebreak-ops/firebreak/plugins/builtin/exec"
	"github.com/firebreak-ops/firebreak/plugins/builtin/git"
	"github.com/firebreak-ops/firebreak/plugins/builtin/http"
	"github.com/firebreak-ops/firebreak/plugins/builtin/kubernetes"
	"github.com/firebreak-ops/firebreak/plugins/builtin/pgbouncer"
	"github.com/firebreak-ops/firebreak/plugins/builtin/postgres"
	"github.com/firebreak-ops/firebreak/plugins/builtin/processes"
	"github.com/firebreak-ops/firebreak/plugins/builtin/prometheus"
	"github.com/firebreak-ops/firebreak/plugins/builtin/redis"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// builtins are the plugins in this binary, each of which is this binary
// executed again.
func builtins() map[string]plugins.Plugin {
	return map[string]plugins.Plugin{
		"diagnose":   diagnose.New(),
		"exec":       exec.New(),
		"git":        git.New(),
		"http":       http.New(),
		"kubernetes": kubernetes.New(),
		"pgbouncer":  pgbouncer.New(attendVerb),
		"postgres":   postgres.New(),
		"processes":  processes.New(),
		"prometheus": prometheus.New(),
		"redis":      redis.New(),
	}
}

// workspace is the configuration and the actions that a command works with.
type workspace struct {
	config      *service.Config
	configBytes []byte
	catalog     runbook.Catalog
	actions     string // digest of the catalog

	chat atomic.Pointer[slack.Bot] // nil: people are told on the terminal alone
}

// loadWorkspace reads firebreak.yaml and gathers the actions. Without a
// configuration there are no services, which is enough to check runbooks. It
// blocks while third parties' plugins start and say what they offer.
func (a *app) loadWorkspace(ctx context.Context) (*workspace, error) {
	path, src, err := a.readConfig()
	if err != nil {
		return nil, err
	}
	return makeWorkspace(ctx, a, path, src)
}

// workspaceOrNone is the workspace, or, where the configuration is broken, one
// without services and people: enough to look, and to halt. It says so.
func (a *app) workspaceOrNone(ctx context.Context) (*workspace, error) {
	ws, err := a.loadWorkspace(ctx)
	if err == nil {
		return ws, nil
	}
	if _, text, _ := explain(err); text != "" {
		fmt.Fprintf(a.err, "firebreak: %s\n", text)
	}
	fmt.Fprintf(a.err, "firebreak: the configuration is broken, and not used for this\n")
	return makeWorkspace(ctx, a, "firebreak.yaml", []byte{})
}

func makeWorkspace(ctx context.Context, a *app, path string, src []byte) (*workspace, error) {
	config, problems := service.Parse(path, src)
	if len(problems) == 0 {
		problems = config.Check(service.Known{
			Capabilities: capabilities(), Builtins: slices.Sorted(maps.Keys(builtins())), Zone: isZone,
		})
	}
	if len(problems) > 0 {
		return nil, problemsOf(a, a.err, problems)
	}
	w := &workspace{config: config, configBytes: src}
	foreign, err := w.foreignActions(ctx)
	if err != nil {
		return nil, err
	}
	all := allActions(foreign)
	w.actions = plugins.Fingerprint(all)
	w.catalog, err = catalogOf(all)
	return w, err
}

// readConfig finds firebreak.yaml. Only a file that was named must exist.
func (a *app) readConfig() (path string, src []byte, err error) {
	named := a.flags.config
	if named == "" {
		named = a.env("FIREBREAK_CONFIG")
	}
	candidates := []string{named}
	if named == "" {
		candidates = []string{"firebreak.yaml", "/etc/firebreak/firebreak.yaml"}
	}
	for _, path := range candidates {
		src, err := readFile(path)
		if err == nil {
			return path, src, nil
		}
		if named != "" || !errors.Is(err, fs.ErrNotExist) {
			return "", nil, fail(exitUsage, "name another with --config", "the configuration cannot be read: %w", err)
		}
	}
	return "firebreak.yaml", []byte{}, nil // not nil: a run keeps the bytes
}

// capabilities are the names before the dot of every contract.
func capabilities() []string {
	set := map[string]bool{}
	for _, a := range capability.All() {
		name, _, _ := strings.Cut(a.Name, ".")
		set[name] = true
	}
	delete(set, "diagnose") // needs no section of a service
	return slices.Sorted(maps.Keys(set))
}

// newHost makes the plugin host for a configuration.
func (w *workspace) newHost(log *slog.Logger) (*host.Host, error) {
	c := host.Config{Contracts: capability.All(), Log: log}
	for _, name := range slices.Sorted(maps.Keys(builtins())) {
		c.Specs = append(c.Specs, host.Spec{Name: name, Builtin: true})
	}
	for _, name := range slices.Sorted(maps.Keys(w.config.Plugins)) {
		p := w.config.Plugins[name]
		c.Specs = append(c.Specs, host.Spec{Name: name, Path: p.Path, SHA256: p.SHA256})
	}
	for _, svc := range slices.Sorted(maps.Keys(w.config.Services)) {
		sections := w.config.Services[svc].Sections
		for _, name := range slices.Sorted(maps.Keys(sections)) {
			c.Sections = append(c.Sections, host.Section{
				Service: svc, Capability: name, Plugin: sections[name].Plugin, Config: sections[name].Config,
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.config.Tools)) {
		c.Sections = append(c.Sections, host.Section{Plugin: name, Config: w.config.Tools[name].Config})
	}
	if _, ok := w.config.Tools["diagnose"]; !ok {
		c.Sections = append(c.Sections, host.Section{Plugin: "diagnose", Config: []byte("{}")})
	}
	if _, ok := w.config.Tools["http"]; !ok {
		c.Sections = append(c.Sections, host.Section{Plugin: "http", Config: []byte("{}")})
	}
	h, err := host.New(c)
	if err != nil {
		return nil, fail(exitProblems, "look at plugins: and services: in firebreak.yaml", "the plugins: %w", err)
	}
	return h, h.Start()
}

// statePath is where the state file is, or would be.
func (a *app) statePath() (string, error) {
	if err := a.here("this"); err != nil {
		return "", err
	}
	for _, path := range []string{a.flags.state, a.env("FIREBREAK_STATE")} {
		if path != "" {
			return path, nil
		}
	}
	dir := a.env("XDG_STATE_HOME")
	if dir == "" {
		home := a.env("HOME")
		if home == "" {
			return "", fail(exitUsage, "set HOME, or name the file with --state", "there is no place for the state file")
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "firebreak", "state.db"), nil
}

// makeStateDir makes the folder of a state file whose place nobody has named.
func (a *app) makeStateDir(state string) error {
	if a.flags.state != "" || a.env("FIREBREAK_STATE") != "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(state), 0o700); err != nil {
		return fail(exitState, "name a place that can be written with --state", "make the folder of the state file: %w", err)
	}
	return nil
}
