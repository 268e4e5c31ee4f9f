package capability

import (
	"slices"

	"github.com/firebreak-ops/firebreak/plugins"
)

// All returns the contract of every action, sorted by capability. The caller
// owns the slice.
func All() []plugins.Action {
	return slices.Concat(
		backlogActions(),
		databaseActions(),
		diagnoseActions(),
		metricsActions(),
		settingsActions(),
		workloadActions(),
	)
}

// Lookup returns the contract of the action with that name, such as
// settings.rollback.
func Lookup(name string) (plugins.Action, bool) {
	all := All()
	i := slices.IndexFunc(all, func(a plugins.Action) bool { return a.Name == name })
	if i < 0 {
		return plugins.Action{}, false
	}
	return all[i], true
}
