package conformance

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// reads and mutations are what the contracts promise beyond their schemas, by
// action: of outputs that were read, and of a mutation that succeeded and is
// not undone yet.
var (
	reads = map[string]func(*suite, T, Read, json.RawMessage){
		"backlog.status":       judged(backlogStatus),
		"database.connections": judged(databaseConnections),
		"diagnose.connections": judged(diagnoseConnections),
		"metrics.health":       judged(metricsHealth),
		"metrics.pool":         judged(metricsPool),
		"metrics.query":        judged(metricsQuery),
		"pooler.status":        judged(poolerStatus),
		"settings.changes":     judged(settingsChanges),
		"settings.current":     judged(settingsCurrent),
		"workload.status":      judged(workloadStatus),
	}
	mutations = map[string]func(*suite, T, Mutation, plugins.Plan, plugins.Outcome){
		"backlog.shed":       backlogShed,
		"database.cancel":    sessionsSignalled,
		"database.configure": databaseConfigured,
		"database.limit":     databaseLimited,
		"database.terminate": sessionsSignalled,
		"pooler.pause":       poolerPaused,
		"pooler.reload":      poolerReloaded,
		"pooler.resize":      poolerResized,
		"pooler.resume":      poolerResumed,
		"settings.apply":     settingsApplied,
		"settings.rollback":  settingsRolledBack,
		"workload.restart":   workloadRestarted,
		"workload.rollback":  workloadRolledBack,
		"workload.scale":     workloadScaled,
	}
)

// judged decodes for a judge.
func judged[O any](judge func(*suite, T, Read, O)) func(*suite, T, Read, json.RawMessage) {
	return func(s *suite, t T, r Read, outputs json.RawMessage) { judge(s, t, r, decoded[O](t, outputs)) }
}

func decoded[O any](t T, raw json.RawMessage) (out O) {
	t.Helper()
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return out
}

// look reads with the plugin, which must succeed. The input may be nil.
func look[O any](s *suite, t T, service, action string, input any) O {
	t.Helper()
	raw := json.RawMessage(`{}`)
	if input != nil {
		var err error
		if raw, err = json.Marshal(input); err != nil {
			t.Fatalf("%v", err)
		}
	}
	call := host.Call{ID: t.Name() + " " + action + " " + time.Now().String(), Service: service, Action: action, Input: raw}
	outcome := s.host.Run(patient(t), call, nil)
	if outcome.Failure != nil {
		t.Fatalf("%s: %s: %s", action, outcome.Failure.Class, outcome.Failure.Reason)
	}
	return decoded[O](t, outcome.Outputs)
}

// offers says whether the plugin under test serves an action.
func (s *suite) offers(t T, action string) bool {
	t.Helper()
	d, err := s.host.Describe(patient(t), s.spec.Name)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return offers(d, action)
}

// observed: what was read says when, and of what: the resource that locks
// are taken on.
func (s *suite) observed(t T, service, action string, o capability.Observed) {
	t.Helper()
	capability, _, _ := strings.Cut(action, ".")
	identity, err := s.host.Identity(patient(t), host.BindingKey{Service: service, Capability: capability, Access: plugins.Read})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if o.Resource != identity {
		t.Errorf("%s says resource %q, and is bound to %q", action, o.Resource, identity)
	}
	if age := time.Since(o.ObservedAt); age < -patience || age > patience {
		t.Errorf("%s says that it was observed at %s, which is not now", action, o.ObservedAt)
	}
}
