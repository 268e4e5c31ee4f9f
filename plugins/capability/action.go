package capability

import (
	"slices"
	"sync"

	"github.com/firebreak-ops/firebreak/plugins"
)

// contracts are inferred once, when they are first asked for, and never
// changed.
var contracts = sync.OnceValue(func() []plugins.Action {
	return slices.Concat(
		backlogActions(),
		databaseActions(),
		diagnoseActions(),
		metricsActions(),
		poolerActions(),
		settingsActions(),
		workloadActions(),
	)
})

// All returns the contract of every action, sorted by name. The caller owns
// the slice, and must not write to the schemas.
func All() []plugins.Action { return slices.Clone(contracts()) }

// Lookup returns the contract of the action with that name, such as
// settings.rollback.
func Lookup(name string) (plugins.Action, bool) {
	all := contracts()
	i := slices.IndexFunc(all, func(a plugins.Action) bool { return a.Name == name })
	if i < 0 {
		return plugins.Action{}, false
	}
	return all[i], true
}

// Named returns the contracts of the actions with these names, for a plugin
// that serves them; of a name that no contract has, an action without a name,
// which the conformance suite refuses.
func Named(names ...string) []plugins.Action {
	out := make([]plugins.Action, len(names))
	for i, name := range names {
		out[i], _ = Lookup(name)
	}
	return out
}
