package main

import (
	"fmt"
	"math"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// lowered is the change that broke the service.
var lowered = capability.Change{
	ID: "4f1c09a:db.pool.max", Setting: "db.pool.max", Before: scalar(50), After: scalar(20),
	Author: "dev", Title: "Save connections", Revision: "4f1c09ab2dd2c9c46cbb3eb1b3c9f2ad4b8f61e7",
}

func scalar(v any) capability.Scalar {
	s, err := capability.ScalarOf(v)
	if err != nil {
		return capability.Scalar{}
	}
	return s
}

// observe is what an action reads: a service whose pools were lowered from 50
// connections to 20 half a minute ago. The three reads of the shipped runbook
// are about 2 KB each. It returns nil for an action that reads nothing here.
func observe(action string, seen capability.Observed) any {
	onset := seen.ObservedAt.Add(-30 * time.Second)
	switch action {
	case "metrics.pool":
		return pool(seen, onset)
	case "database.connections":
		return connections(seen)
	case "settings.changes":
		return changes(seen, onset)
	case "settings.current":
		return capability.CurrentOutput{Observed: seen, Setting: lowered.Setting, Value: lowered.After, Revision: lowered.Revision}
	default:
		return nil
	}
}

func pool(seen capability.Observed, onset time.Time) any {
	window := func(from, to time.Time) capability.Window {
		return capability.Window{
			From: from, To: to, Samples: 20, Requests: 310,
			OfferedRPS: new(310.25), FirstAttemptsRPS: new(309.5), ReleasesRPS: new(310.0), ConnectsRPS: new(0.0), ErrorRate: new(0.0),
			HoldS: new(0.110), QueryS: new(0.073), AcquireP99S: new(0.004),
			Acquired: new(34), Max: new(50), Waiting: new(0), Timeouts: new(0),
		}
	}
	now := window(seen.ObservedAt.Add(-10*time.Second), seen.ObservedAt)
	now.Max, now.Acquired, now.Waiting, now.AcquireP99S, now.ReleasesRPS = new(20), new(20), new(120), new(0.8), new(182.0)
	out := capability.PoolOutput{Observed: seen, Now: now, Baseline: new(window(onset.Add(-time.Minute), onset.Add(-time.Second))), Onset: &onset}
	for i := range 10 {
		out.Replicas = append(out.Replicas, capability.PoolReplica{
			Name: fmt.Sprintf("api-7d9c5b6f4-%05x", i*2654435761%0xfffff), Max: 2, Acquired: 2, Waiting: new(12 + i%3),
		})
	}
	return out
}

func connections(seen capability.Observed) any {
	out := capability.ConnectionsOutput{
		Observed: seen, Limits: capability.Limits{Max: 100, Superuser: 3}, Used: 21, Free: 76,
		States: []capability.SessionState{
			{State: "idle in transaction", Count: 15, OldestS: 0.05, P50S: 0.02},
			{State: "active", Count: 5, OldestS: 0.08, P50S: 0.03},
			{State: "idle", Count: 1, OldestS: 0.4, P50S: 0.05},
		},
		Waits:     []capability.Wait{{Type: "IO", Event: "DataFileRead", Count: 2}, {Type: "LWLock", Event: "WALWrite", Count: 1}},
		StartedAt: seen.ObservedAt.Add(-48 * time.Hour), RowsPerCommit: new(11.5),
		Connect: capability.Connect{OK: true, MS: 7.625},
	}
	for i := range 12 {
		out.Clients = append(out.Clients, capability.Client{
			User: fmt.Sprintf("app_%d", i%3), Application: fmt.Sprintf("api-7d9c5b6f4-%05x", i*2654435761%0xfffff),
			Address: fmt.Sprintf("10.12.%d.%d", i%4, 17*i%250), Count: 1 + int(math.Sqrt(float64(12-i))),
		})
	}
	return out
}

func changes(seen capability.Observed, onset time.Time) any {
	culprit := lowered
	culprit.At = onset.Add(-time.Second)
	out := capability.ChangesOutput{Observed: seen, Head: lowered.Revision, Changes: capability.List[capability.Change]{culprit}}
	for i, setting := range []string{"log.level", "cache.entries", "http.timeout_ms", "search.page_size", "mail.retries", "queue.batch", "feature.dark_mode"} {
		id := fmt.Sprintf("%07x", (i+1)*2654435761%0xfffffff)
		out.Changes = append(out.Changes, capability.Change{
			ID: id + ":" + setting, Setting: setting, Before: scalar(10 + i), After: scalar(20 + i), At: onset.Add(-time.Duration(i+2) * 7 * time.Minute),
			Author: "dev", Title: "Tune " + setting + " for the new release", Revision: id + "5d0c1b7f2ad4b8f61e7c9c46cbb3eb1b3",
		})
	}
	return out
}
