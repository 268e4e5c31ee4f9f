package diagnose

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// Actions of runbooks that do a remedy; what has none is a person's work.
var (
	rollback      = new("settings.rollback")
	restartAction = new("workload.restart")
	shedAction    = new("backlog.shed")
	resizeAction  = new("pooler.resize")
	limitAction   = new("database.limit")
)

// afterwards is what must hold after every remedy.
func afterwards(more ...string) []string {
	return append([]string{"acquire_p99_lt_100ms", "waiting_eq_0", "error_lt_1pct"}, more...)
}

// revertChange puts a change back: the safest that there is.
func revertChange(change *capability.Change, text string) capability.Remedy {
	if change.Reporter != "" {
		back := byHand("put_back", change.Setting, capability.LowRisk,
			fmt.Sprintf("Put %q back from %s to %s where it was made: %s reported it, and firebreak has no hold of it%s", change.Title, change.After, change.Before, change.Reporter, text))
		back.Reversible, back.From, back.To = true, change.After, change.Before
		return back
	}
	return capability.Remedy{
		ID: "rollback_config", Kind: "revert", Action: rollback, Target: change.Setting, From: change.After, To: change.Before,
		Risk: capability.LowRisk, Reversible: true, Approval: capability.PreApprovable,
		Text:   fmt.Sprintf("Set %s back from %s to %s%s", change.Setting, change.After, change.Before, text),
		Guards: []string{"value_unchanged_since"},
		Verify: afterwards(),
	}
}

// shedBacklog ends what its callers have given up.
func shedBacklog() capability.Remedy {
	return capability.Remedy{
		ID: "shed_backlog", Kind: "shed", Action: shedAction, Target: "requests that wait",
		Risk: capability.LowRisk, Approval: capability.OneClick,
		Text:   "Cancel what waits and refuse new requests for one acquire timeout: what waits has been given up by its callers.",
		Verify: afterwards(),
	}
}

// restartWaves gives the service fresh connections.
func restartWaves(text string) capability.Remedy {
	return capability.Remedy{
		ID: "restart", Kind: "restart", Action: restartAction, Target: "the replicas, in waves",
		Risk: capability.MediumRisk, Approval: capability.OneClick, Text: text,
		Guards: []string{"one_wave_at_a_time", "free_slots_ge_two_pools"},
		Verify: afterwards(),
	}
}

// byHand is what a person does.
func byHand(id, target string, risk capability.Risk, text string) capability.Remedy {
	return capability.Remedy{
		ID: id, Kind: "manual", Target: target, Risk: risk, Approval: capability.ByHand, Text: text, Verify: afterwards(),
	}
}

// endSessions ends sessions by name; a person says yes to the list.
func endSessions(id, kind, target string, risk capability.Risk, text string, guards ...string) capability.Remedy {
	return capability.Remedy{
		ID: id, Kind: kind, Action: new("database." + kind), Target: target, Risk: risk, Approval: capability.OneClick, Text: text,
		Guards: append([]string{"backend_start_unchanged"}, guards...), Verify: afterwards("oldest_xact_lt_60s"),
	}
}
