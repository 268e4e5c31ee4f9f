package conformance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// A lie is an answer that the schemas accept and the contract does not.
type lie struct {
	name    string
	action  string
	input   any // nil: {}
	outputs any // of the action
	others  map[string]any
	binding any
	receipt any
	want    string // empty: it is no lie
}

func change(id string, at time.Duration) capability.Change {
	return capability.Change{ID: id, Setting: "a", Before: scalar("1"), After: scalar("2"), At: now.Add(at)}
}

func replica(name string, ready bool, reason *string) capability.Replica {
	return capability.Replica{Name: name, StartedAt: now, Ready: ready, Reason: reason}
}

func wave(from, to time.Duration, names ...string) capability.RestartedWave {
	return capability.RestartedWave{Replicas: names, From: now.Add(from), To: now.Add(to)}
}

func restarted(names ...string) (r capability.RestartReceipt) {
	for _, name := range names {
		r.Replicas = append(r.Replicas, capability.RestartedReplica{Name: name, Was: now.Add(-time.Hour), Is: now})
	}
	return r
}

func finding(rank int, confidence float64, supports bool) capability.Finding {
	return capability.Finding{
		Rank: rank, Cause: capability.AppPoolTooSmall, Confidence: confidence,
		Evidence: capability.List[capability.Evidence]{{ID: "e", Supports: supports}},
	}
}

func diagnosis(findings ...capability.Finding) capability.DiagnoseOutput {
	return capability.DiagnoseOutput{Top: findings[0], Findings: findings, Missing: capability.List[string]{"pool", "database", "changes"}, AsOf: now}
}

func TestSuitesFindLies(t *testing.T) {
	one, two := scalar("1"), scalar("2")
	current := func(setting string, value capability.Scalar, o capability.Observed) capability.CurrentOutput {
		return capability.CurrentOutput{Observed: o, Setting: setting, Value: value}
	}
	changes := func(all ...capability.Change) capability.ChangesOutput {
		return capability.ChangesOutput{Observed: seen(), Changes: all}
	}
	status := func(ready int, all ...capability.Replica) capability.StatusOutput {
		return capability.StatusOutput{Observed: seen(), Desired: len(all), Ready: ready, Replicas: all}
	}
	health := func(to time.Duration, requests int, rate float64) capability.HealthOutput {
		return capability.HealthOutput{Observed: seen(), From: now, To: now.Add(to), Requests: requests, ErrorRate: &rate}
	}
	pool := func(size int, silent ...string) capability.PoolOutput {
		return capability.PoolOutput{
			Observed: seen(), Now: capability.Window{From: now, To: now, Max: &size}, Silent: silent,
			Replicas: capability.List[capability.PoolReplica]{{Name: "a", Max: 10}, {Name: "b", Max: 10}},
		}
	}
	asksNothing := map[string]any{"pool": nil, "database": nil, "changes": nil}
	asksForA := capability.CurrentInput{Setting: "a"}

	written := lie{
		action: "settings.apply", input: map[string]any{"setting": "a", "value": 2},
		outputs: capability.ApplyOutput{Observed: seen(), Setting: "a", From: one, To: two},
		binding: capability.SettingsBinding{Resource: cannedResource, Setting: "a", From: &one, To: two},
		receipt: capability.SettingsReceipt{Setting: "a", Before: one, After: two},
		others:  map[string]any{"settings.current": current("a", two, seen())},
	}
	write := func(name, want string, wrong func(l *lie)) lie {
		l := written
		l.name, l.want = name, want
		wrong(&l)
		return l
	}
	restart := func(name, want string, receipt capability.RestartReceipt, after capability.StatusOutput, waves ...capability.RestartedWave) lie {
		return lie{
			name: name, action: "workload.restart", want: want, binding: map[string]any{}, receipt: receipt,
			outputs: capability.RestartOutput{Observed: seen(), Waves: waves}, others: map[string]any{"workload.status": after},
		}
	}
	resize := func(name, want string, before, is int) lie {
		return lie{
			name: name, action: "pooler.resize", want: want, input: capability.ResizeInput{Limit: capability.PoolSize, Size: 20},
			outputs: capability.ResizeOutput{Observed: seen(), Limit: capability.PoolSize, From: 8, To: 20},
			binding: capability.ResizeBinding{Resource: cannedResource, Limit: capability.PoolSize, From: 8, To: 20},
			receipt: capability.ResizeReceipt{Limit: capability.PoolSize, Before: before, After: 20},
			others: map[string]any{"pooler.status": capability.PoolerOutput{
				Observed: seen(), Limits: capability.PoolerLimits{PoolSize: is},
			}},
		}
	}
	signalled := func(name, want string, n, gone int) lie {
		sessions := capability.List[capability.Session]{{SessionRef: capability.SessionRef{Pid: 7, BackendStart: now}, Gone: true}}
		return lie{
			name: name, action: "database.terminate", want: want, input: map[string]any{"state": "idle", "most": 2},
			outputs: capability.SessionsOutput{Observed: seen(), Signalled: n, Gone: gone, Sessions: sessions},
			binding: capability.SessionsBinding{Resource: cannedResource, Action: "database.terminate"},
			receipt: capability.SessionsReceipt{Sessions: sessions},
		}
	}
	limited := func(name, want string, before, after int) lie {
		return lie{
			name: name, action: "database.limit", want: want, input: capability.LimitInput{Role: "app", Limit: new(20)},
			outputs: capability.LimitOutput{Observed: seen(), Role: "app", From: new(7), To: new(20)},
			binding: capability.LimitBinding{Resource: cannedResource, Role: "app", From: new(7), To: new(20)},
			receipt: capability.LimitReceipt{Role: "app", Before: &before, After: &after},
		}
	}
	configured := func(name, want, after string, restart bool) lie {
		value := scalar(`"60s"`)
		return lie{
			name: name, action: "database.configure", want: want, input: capability.ConfigureInput{Setting: "a", Value: value},
			outputs: capability.ConfigureOutput{Observed: seen(), Setting: "a", To: value, Live: true, PendingRestart: restart},
			binding: capability.ConfigureBinding{Resource: cannedResource, Setting: "a", To: value},
			receipt: capability.ConfigureReceipt{Setting: "a", After: scalar(`"` + after + `"`)},
		}
	}
	fine := status(2, replica("a", true, nil), replica("b", true, nil))

	lies := []lie{
		{name: "current", action: "settings.current", input: asksForA, outputs: current("a", one, seen())},
		{name: "another setting", action: "settings.current", input: asksForA, outputs: current("b", one, seen()), want: "asked for a, it says b"},
		{name: "another resource", action: "settings.current", input: asksForA, outputs: current("a", one, capability.Observed{ObservedAt: now, Resource: "x"}), want: `says resource "x"`},
		{name: "long ago", action: "settings.current", input: asksForA, outputs: current("a", one, capability.Observed{ObservedAt: now.Add(-time.Hour), Resource: cannedResource}), want: "which is not now"},

		{name: "changes", action: "settings.changes", outputs: changes(change("1", 0))},
		{name: "oldest first", action: "settings.changes", outputs: changes(change("1", -time.Minute), change("2", 0)), want: "stands after the older one"},
		{name: "named twice", action: "settings.changes", outputs: changes(change("1", 0), change("1", 0)), want: `two changes are named "1"`},
		{name: "limit", action: "settings.changes", outputs: changes(change("1", 0), change("2", 0)), want: "asked for one change"},

		write("written", "", func(*lie) {}),
		write("binds another", "the plan binds a to 1", func(l *lie) {
			l.binding = capability.SettingsBinding{Resource: cannedResource, Setting: "a", From: &one, To: one}
		}),
		write("outputs of another", "and the outputs a from 2 to 2", func(l *lie) {
			l.outputs = capability.ApplyOutput{Observed: seen(), Setting: "a", From: two, To: two}
		}),
		write("undoes another", "and the receipt a from 2 to 2", func(l *lie) {
			l.receipt = capability.SettingsReceipt{Setting: "a", Before: two, After: two}
		}),
		write("not there", "settings.current says 1", func(l *lie) {
			l.others = map[string]any{"settings.current": current("a", one, seen())}
		}),
		{
			name: "rolled back to another", action: "settings.rollback", input: map[string]any{"change": change("1", 0)}, want: "a to 1 was asked for",
			outputs: written.outputs, binding: written.binding, receipt: written.receipt, others: written.others,
		},

		{name: "status", action: "workload.status", outputs: fine},
		{name: "one twice", action: "workload.status", outputs: status(2, replica("a", true, nil), replica("a", true, nil)), want: `two replicas are named "a"`},
		{name: "no reason", action: "workload.status", outputs: status(0, replica("a", false, nil)), want: "no reason is given"},
		{name: "miscounted", action: "workload.status", outputs: status(1, replica("a", false, new("it starts"))), want: "0 replicas are ready, and 1 are said to be"},

		restart("restarted", "", restarted("a", "b"), fine, wave(0, time.Second, "a"), wave(time.Second, 2*time.Second, "b")),
		restart("waves overlap", "before the one before it was over", restarted("a", "b"), fine, wave(0, time.Second, "a"), wave(0, time.Second, "b")),
		restart("in two waves", "replica a is in two waves", restarted("a"), fine, wave(0, 0, "a"), wave(0, 0, "a")),
		restart("not restarted", "the receipt says that b", restarted("a", "b"), fine, wave(0, 0, "a")),
		restart("left out", "after the restart replica b is ready: true, restarted: false", restarted("a"), fine, wave(0, 0, "a")),
		restart("down", "after the restart replica b is ready: false", restarted("a", "b"), status(1, replica("a", true, nil), replica("b", false, new("gone"))), wave(0, 0, "a", "b")),

		{name: "backlog", action: "backlog.status", outputs: capability.BacklogOutput{Observed: seen(), Waiting: 1, OldestS: new(1.0)}},
		{name: "none is oldest", action: "backlog.status", outputs: capability.BacklogOutput{Observed: seen(), Waiting: 1}, want: "none is the oldest"},
		{name: "fewer than none", action: "backlog.status", outputs: capability.BacklogOutput{Observed: seen(), Waiting: -1}, want: "-1 wait"},
		{
			name: "still waiting", action: "backlog.shed", want: "after shedding 1 wait", binding: map[string]any{}, outputs: capability.ShedOutput{Observed: seen(), Until: now},
			others: map[string]any{"backlog.status": capability.BacklogOutput{Observed: seen(), Waiting: 1, OldestS: new(1.0)}},
		},

		{name: "health", action: "metrics.health", outputs: health(time.Second, 20, 1)},
		{name: "ends before it begins", action: "metrics.health", outputs: health(-time.Second, 20, 1), want: "the window ends at"},
		{name: "too few", action: "metrics.health", outputs: health(time.Second, 19, 1), want: "19 requests were enough"},
		{name: "percent", action: "metrics.health", outputs: health(time.Second, 20, 12), want: "error_rate is 12"},
		{name: "pool", action: "metrics.pool", outputs: pool(20, "c")},
		{name: "silent and not", action: "metrics.pool", outputs: pool(20, "a"), want: "replica a answered, and is said to be silent"},
		{name: "missummed", action: "metrics.pool", outputs: pool(10), want: "the pools have 20 connections, and together 10"},
		{name: "no one value", action: "metrics.query", input: capability.QueryInput{Query: "q"}, outputs: capability.QueryOutput{Observed: seen(), Value: new(1.0)}, want: "0 series, said to be 0, and a value: true"},

		{name: "overfull", action: "database.connections", outputs: capability.ConnectionsOutput{Observed: seen(), Limits: capability.Limits{Max: 10}, Used: 6, Free: 5}, want: "6 slots are used and 5 free, of 10"},
		{name: "unsorted", action: "database.connections", want: "the clients are not listed", outputs: capability.ConnectionsOutput{
			Observed: seen(), Limits: capability.Limits{Max: 10}, Clients: capability.List[capability.Client]{{Count: 1}, {Count: 2}},
		}},

		signalled("ended", "", 1, 1),
		signalled("more than named", "2 were signalled, 1 of them are named", 2, 1),
		signalled("more gone", "1 are gone, and 0 are said to be", 1, 0),
		limited("limited", "", 7, 20),
		limited("limited to another", "the receipt is not of the change", 7, 21),
		configured("configured", "", "60s", false),
		configured("configured to another", "the receipt is not of the change", "61s", false),
		configured("live and not", "is said to be live and to wait for a restart", "60s", true),

		{name: "pooled", action: "pooler.status", outputs: capability.PoolerOutput{Observed: seen(), Limits: capability.PoolerLimits{MaxClients: 10}, Used: 4, Free: 6}},
		{name: "more free than there are", action: "pooler.status", outputs: capability.PoolerOutput{Observed: seen(), Limits: capability.PoolerLimits{MaxClients: 10}, Free: 11}, want: "0 client connections are used and 11 free, of 10"},
		{name: "shortest queue first", action: "pooler.status", want: "the pools are not listed", outputs: capability.PoolerOutput{
			Observed: seen(), Pools: capability.List[capability.PoolerPool]{{Waiting: 1}, {Waiting: 2}},
		}},
		{name: "more wait than are", action: "pooler.status", want: "2 of 1 clients of a wait", outputs: capability.PoolerOutput{
			Observed: seen(), Clients: capability.List[capability.PoolerClient]{{User: "a", Count: 1, Waiting: 2}},
		}},
		resize("resized", "", 8, 20),
		resize("resized from another", "and the receipt pool_size from 9 to 20", 9, 20),
		resize("not resized", "pool_size was set to 20, and pooler.status says 8", 8, 8),
		{
			name: "reloaded", action: "pooler.reload", want: "pool_size is said to be another now, and is 8 as before", binding: map[string]any{},
			outputs: capability.ReloadOutput{Observed: seen(), Changed: capability.List[capability.ResizeReceipt]{{Limit: capability.PoolSize, Before: 8, After: 8}}},
		},

		{name: "diagnosed", action: "diagnose.connections", input: asksNothing, outputs: diagnosis(finding(1, 0.9, true), finding(2, 0.5, true))},
		{name: "ranks", action: "diagnose.connections", input: asksNothing, outputs: diagnosis(finding(2, 0.9, true)), want: "finding 1 has rank 2"},
		{name: "less probable first", action: "diagnose.connections", input: asksNothing, outputs: diagnosis(finding(1, 0.5, true), finding(2, 0.9, true)), want: "is more so: 0.9"},
		{name: "no evidence", action: "diagnose.connections", input: asksNothing, outputs: diagnosis(finding(1, 0.9, false)), want: "nothing supports"},
		{name: "nothing missing", action: "diagnose.connections", input: asksNothing, outputs: capability.DiagnoseOutput{Top: finding(0, 0, true), AsOf: now}, want: "was not given: true, and is said to be missing: false"},
	}
	liar := &suite{spec: host.Spec{Name: "canned", Builtin: true}}
	for i := range lies {
		liar.cases.Sections = append(liar.cases.Sections, lies[i].section(t))
	}
	up := &trial{ctx: t.Context(), tell: func(Result) {}}
	defer up.perform(func(T) {}) // it cleans up
	liar.host = liar.start(up, liar.cases.Sections)
	for _, l := range lies {
		t.Run(l.name, func(t *testing.T) {
			found := strings.Join(l.told(t, liar), "\n")
			if l.want == "" && found != "" || !strings.Contains(found, l.want) {
				t.Errorf("the suite of %s found %q; want %q", l.action, found, l.want)
			}
		})
	}
}

// section is what the plugin is told to say, to a service of the lie's name.
func (l lie) section(t *testing.T) host.Section {
	t.Helper()
	outputs := map[string]json.RawMessage{l.action: encoded(t, l.outputs)}
	for action, o := range l.others {
		outputs[action] = encoded(t, o)
	}
	config := encoded(t, cannedBound{Outputs: outputs, Binding: encoded(t, l.binding), Receipt: encoded(t, l.receipt)})
	prefix, _, _ := strings.Cut(l.action, ".")
	return host.Section{Service: l.name, Capability: prefix, Plugin: "canned", Config: config}
}

func encoded(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// told is what the suite of the action says to it.
func (l lie) told(t *testing.T, s *suite) (problems []string) {
	t.Helper()
	input := json.RawMessage(`{}`)
	if l.input != nil {
		input = encoded(t, l.input)
	}
	top := &trial{ctx: t.Context(), tell: func(r Result) { problems = append(problems, r.Problems...) }}
	top.perform(func(t T) {
		call := host.Call{ID: l.name, Service: l.name, Action: l.action, Input: input}
		outcome := s.host.Run(patient(t), call, nil)
		if outcome.Failure != nil {
			t.Fatalf("%s", outcome.Failure.Reason)
		}
		if judge := reads[l.action]; judge != nil {
			judge(s, t, Read{Service: l.name, Action: l.action, Input: input}, outcome.Outputs)
			return
		}
		plan, err := s.host.Plan(patient(t), call)
		if err != nil {
			t.Fatalf("%v", err)
		}
		mutations[l.action](s, t, Mutation{Service: l.name, Action: l.action, Input: input}, plan, outcome)
	})
	return problems
}
