package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// warmTimeout is how long `plugins` waits for plugins to start and to bind.
const warmTimeout = 20 * time.Second

func newPlugins(a *app) *cobra.Command {
	c := withExits(&cobra.Command{
		Use:   "plugins",
		Short: "Show the plugins: what runs, what it serves, whether it is well",
		Long: `plugins asks the owner of the state for its plugins. Where there is no owner it
starts every plugin that firebreak.yaml configures. Either way it binds every
section for reading, sees whether what is behind it can be reached, and says what
is wrong with any of them.`,
		Example: `  firebreak plugins`,
		Args:    args(0, 0, "no arguments"),
		RunE:    func(c *cobra.Command, _ []string) error { return a.plugins(c.Context()) },
	}, exitProblems, exitState)
	c.AddCommand(newPluginsTest(a))
	return c
}

// pluginLine is one plugin in the output of `plugins`.
type pluginLine struct {
	Type     string   `json:"type"`
	Name     string   `json:"name"`
	Version  string   `json:"version,omitempty"`
	Checksum string   `json:"checksum,omitempty"`
	Builtin  bool     `json:"builtin"`
	State    string   `json:"state"`
	PID      string   `json:"pid,omitempty"`
	Restarts int      `json:"restarts"`
	Problems []string `json:"problems,omitempty"` // what is wrong with it, or with what it is bound to; between processes only
	Actions  []string `json:"actions"`
}

// pluginLines starts and binds what is configured, asks how it is, and says
// so of every plugin.
func (w *workspace) pluginLines(ctx context.Context, h *host.Host) []pluginLine {
	ctx, cancel := context.WithTimeout(ctx, warmTimeout)
	defer cancel()
	_ = h.Warm(ctx) // the status says what is wrong
	sick := w.sick(ctx, h)
	status := h.Status()
	out := make([]pluginLine, 0, len(status))
	for _, s := range status {
		l := pluginLine{
			Type: "plugin", Name: s.Name, Version: s.Version, Checksum: s.Checksum, Builtin: s.Builtin,
			State: string(s.State), PID: s.PID, Restarts: s.Restarts, Actions: []string{},
		}
		if s.Error != "" {
			l.Problems = strings.Split(s.Error, "\n")
		} else {
			l.Problems = sick[s.Name]
		}
		for _, action := range s.Actions {
			l.Actions = append(l.Actions, action.Name)
		}
		out = append(out, l)
	}
	return out
}

// sick says, by plugin, which sections cannot be reached, and why.
func (w *workspace) sick(ctx context.Context, h *host.Host) map[string][]string {
	var mu sync.Mutex
	var wg sync.WaitGroup
	sick := map[string][]string{}
	look := func(plugin string, key host.BindingKey) {
		wg.Go(func() {
			if err := h.Health(ctx, key); err != nil {
				mu.Lock()
				defer mu.Unlock()
				sick[plugin] = append(sick[plugin], err.Error())
			}
		})
	}
	for name, svc := range w.config.Services {
		for capability, section := range svc.Sections {
			look(section.Plugin, host.BindingKey{Service: name, Capability: capability, Access: plugins.Read})
		}
	}
	for name := range w.config.Tools {
		look(name, host.BindingKey{Tool: name, Access: plugins.Read})
	}
	wg.Wait()
	for _, problems := range sick {
		slices.Sort(problems)
	}
	return sick
}

func (a *app) plugins(ctx context.Context) error {
	lines, err := a.pluginStatus(ctx)
	if err != nil {
		return err
	}
	if a.flags.json {
		if err := a.printPlugins(lines); err != nil {
			return err
		}
	} else if err := a.writePlugins(lines); err != nil {
		return err
	}
	if slices.ContainsFunc(lines, func(l pluginLine) bool { return len(l.Problems) > 0 }) {
		return ended{exitProblems}
	}
	return nil
}

// printPlugins prints each plugin, and after it each of its problems, as a
// line of their own like all problems.
func (a *app) printPlugins(lines []pluginLine) error {
	for _, l := range lines {
		problems := l.Problems
		l.Problems = nil
		if err := a.printJSON(l); err != nil {
			return err
		}
		for _, p := range problems {
			if err := a.printJSON(map[string]any{"type": "problem", "id": "plugin", "plugin": l.Name, "what": p, "hint": ""}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) writePlugins(lines []pluginLine) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PLUGIN\tVERSION\tSTATE\tRESTARTS\tACTIONS")
	for _, l := range lines {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\n", l.Name, l.Version, l.State, l.Restarts, len(l.Actions))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, l := range lines {
		for _, p := range l.Problems {
			fmt.Fprintf(a.err, "%s: %s\n", l.Name, p)
		}
	}
	return nil
}

// pluginStatus asks the owner, or starts the plugins to see.
func (a *app) pluginStatus(ctx context.Context) (lines []pluginLine, err error) {
	s, err := a.others()
	if err != nil && !errors.Is(err, errBusy) { // who begins, or only records, has started none
		return nil, err
	}
	if s != nil && s.usable(ctx, true) == nil {
		raw, err := s.Plugins(ctx)
		if err != nil {
			return nil, err
		}
		err = json.Unmarshal(raw, &lines)
		return lines, err
	}
	ws, err := a.loadWorkspace(ctx)
	if err != nil {
		return nil, err
	}
	h, err := ws.newHost(slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	lines = ws.pluginLines(ctx, h)
	return lines, h.Stop(ctx)
}
