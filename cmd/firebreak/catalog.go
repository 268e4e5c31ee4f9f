package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// describeTimeout is how long third parties' plugins may take to start and to
// say what they offer.
const describeTimeout = 10 * time.Second

// actions are those that a runbook may name where nothing is configured: the
// contracts of the capabilities, and what the built-in tools offer.
func actions() (runbook.Catalog, error) { return catalogOf(allActions(nil)) }

// catalogOf makes what the language and the engine know of actions.
func catalogOf(all []plugins.Action) (runbook.Catalog, error) {
	catalog := runbook.Catalog{}
	for _, a := range all {
		converted, err := runbook.NewAction(a.Name, string(a.Effect), a.Input, a.Output)
		if err != nil {
			return nil, fmt.Errorf("the contract of %s: %w", a.Name, err)
		}
		converted.Undo, converted.Idempotent, converted.Probe = a.Undo, a.Idempotent, a.Probe
		converted.NoPrecondition, converted.SettlesIn, converted.Doc = a.NoPrecondition, a.SettlesIn, a.Doc
		catalog[a.Name] = converted
	}
	return catalog, nil
}

// allActions are the contracts, the built-in tools' own actions, and those of
// third parties, sorted by name. Where a third party's plugin promises less of
// a capability's action than the contract, all of firebreak counts on less.
func allActions(foreign []plugins.Action) []plugins.Action {
	all := map[string]plugins.Action{}
	for _, p := range builtins() {
		for _, a := range p.Describe().Actions {
			all[a.Name] = a
		}
	}
	for _, a := range capability.All() {
		all[a.Name] = a
	}
	for _, a := range foreign {
		if known, ok := all[a.Name]; ok {
			a = weaker(known, a)
		}
		all[a.Name] = a
	}
	out := make([]plugins.Action, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out
}

// weaker is an action with only what both promise of it.
func weaker(known, other plugins.Action) plugins.Action {
	if other.Effect == plugins.Irreversible {
		known.Effect = other.Effect
	}
	known.Idempotent = known.Idempotent && other.Idempotent
	known.Probe = known.Probe && other.Probe
	known.NoPrecondition = known.NoPrecondition || other.NoPrecondition
	known.SettlesIn = max(known.SettlesIn, other.SettlesIn)
	return known
}

// foreignActions asks the plugins of third parties, if any are configured,
// what they offer. It starts them for that, and ends them.
func (w *workspace) foreignActions(ctx context.Context) (_ []plugins.Action, err error) {
	if len(w.config.Plugins) == 0 {
		return nil, nil
	}
	h, err := w.newHost(slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer func() { _ = h.Stop(context.WithoutCancel(ctx)) }()
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	for _, name := range slices.Sorted(maps.Keys(w.config.Plugins)) {
		if _, err := h.Describe(ctx, name); err != nil {
			return nil, fail(exitProblems, fmt.Sprintf("look at plugins.%s in %s", name, w.config.File), "plugin %s: %w", name, err)
		}
	}
	var out []plugins.Action
	for _, status := range h.Status() {
		if !status.Builtin {
			out = append(out, status.Actions...)
		}
	}
	return out, nil
}
