package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/plugins/host"
)

// warmTimeout is how long `plugins` waits for plugins to start and to bind.
const warmTimeout = 20 * time.Second

func newPlugins(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "plugins",
		Short: "Show the plugins: what runs, what it serves, whether it is well",
		Long: `plugins asks the owner of the state for its plugins. Where there is no owner it
starts every plugin that firebreak.yaml configures, binds its sections for reading,
and says what is wrong with any of them.`,
		Example: `  firebreak plugins`,
		Args:    args(0, 0, "no arguments"),
		RunE:    func(c *cobra.Command, _ []string) error { return a.plugins(c.Context()) },
	}, exitProblems, exitState)
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
	Error    string   `json:"error,omitempty"`
	Actions  []string `json:"actions"`
}

func pluginLines(status []host.PluginStatus) []pluginLine {
	out := make([]pluginLine, 0, len(status))
	for _, s := range status {
		l := pluginLine{
			Type: "plugin", Name: s.Name, Version: s.Version, Checksum: s.Checksum, Builtin: s.Builtin,
			State: string(s.State), PID: s.PID, Restarts: s.Restarts, Error: s.Error, Actions: []string{},
		}
		for _, action := range s.Actions {
			l.Actions = append(l.Actions, action.Name)
		}
		out = append(out, l)
	}
	return out
}

func (a *app) plugins(ctx context.Context) error {
	lines, problem, err := a.pluginStatus(ctx)
	if err != nil {
		return err
	}
	if a.flags.json {
		for _, l := range lines {
			if err := a.printJSON(l); err != nil {
				return err
			}
		}
	} else {
		w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "PLUGIN\tVERSION\tSTATE\tRESTARTS\tACTIONS")
		for _, l := range lines {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\n", l.Name, l.Version, l.State, l.Restarts, len(l.Actions))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return problem
}

// pluginStatus asks the owner, or starts the plugins to see. problem is what
// is wrong with any of them.
func (a *app) pluginStatus(ctx context.Context) (lines []pluginLine, problem, err error) {
	state, err := a.statePath()
	if err != nil {
		return nil, nil, err
	}
	if s, err := a.join(state); s != nil || err != nil {
		if err != nil {
			return nil, nil, err
		}
		raw, err := s.Plugins(ctx)
		if err != nil {
			return nil, nil, err
		}
		err = json.Unmarshal(raw, &lines)
		return lines, nil, err
	}
	ws, err := a.loadWorkspace(ctx)
	if err != nil {
		return nil, nil, err
	}
	h, err := ws.newHost(slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, warmTimeout)
	defer cancel()
	if err := h.Warm(ctx); err != nil {
		problem = fail(exitProblems, "correct the section in firebreak.yaml, or what it points to", "%w", err)
	}
	lines = pluginLines(h.Status())
	return lines, problem, h.Stop(ctx)
}
