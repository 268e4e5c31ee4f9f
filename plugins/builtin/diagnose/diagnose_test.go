package diagnose

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// TestCauses holds the right cause, or an honest unknown, with everything at
// hand and with one source gone. Decoy changes are in every case.
func TestCauses(t *testing.T) {
	const (
		small   = capability.AppPoolTooSmall
		spiky   = capability.TrafficSpike
		slowish = capability.SlowQuery
		leaky   = capability.ConnectionLeak
		iit     = capability.IdleInTransaction
		locks   = capability.LockBlocking
		limit   = capability.DBMaxConnectionsTooLow
		unknown = capability.UnknownCause
	)
	for _, c := range []struct {
		name  string
		in    capability.DiagnoseInput
		cause capability.Cause
		least float64 // confidence
		most  float64
	}{
		{"healthy", made(), unknown, 0, 0},
		{"healthy with a pool change that is not live", made(poolDecoy), unknown, 0, 0},
		{"healthy, no metrics", made(noPool), unknown, 0, 0},
		{"healthy behind a pooler", made(behindPooler), unknown, 0, 0},
		{"busy but fine", made(busy), unknown, 0, 0},
		{"busy but fine, no metrics", made(busy, noPool), unknown, 0, 0},
		{"a batch within its limits", made(batch), unknown, 0, 0},
		{"a moment's queue of a small pool", made(momentsQueue), unknown, 0, 0},
		{"at rest, all connections opened at once", made(atRest), unknown, 0, 0},
		{"at rest, no metrics", made(atRest, noPool), unknown, 0, 0},

		{"pool lowered", made(poolLowered, culprit), small, 0.9, 1},
		{"pool lowered, retries", made(poolLowered, culprit, retries), small, 0.9, 1},
		{"pool lowered, no baseline", made(poolLowered, culprit, noBaseline), small, 0.9, 1},
		{"pool lowered, no database", made(poolLowered, culprit, noDatabase), small, 0.9, 1},
		{"pool lowered, no changes", made(poolLowered, noChanges), small, 0.9, 1},
		{"pool lowered, only decoys", made(poolLowered), small, 0.9, 1},
		{"pool lowered, metrics only", made(poolLowered, noDatabase, noChanges), small, 0.7, 0.85},
		{"pool lowered, a dialect with little", made(poolLowered, littleSaid), small, 0.8, 1},
		{"pool lowered, changes only", made(culprit, noPool, noDatabase), unknown, 0, 0},
		{"pool lowered, no baseline and only decoys", made(poolLowered, noBaseline), unknown, 0, 0},

		{"spike", made(spike), spiky, 0.9, 1},
		{"spike with a pool decoy", made(spike, poolDecoy), spiky, 0.9, 1},
		{"spike, metrics only", made(spike, noDatabase, noChanges), spiky, 0.7, 0.85},
		{"spike, a dialect with little", made(spike, littleSaid), spiky, 0.5, 1},
		{"spike, no baseline", made(spike, noBaseline), unknown, 0, 0},

		{"slow query", made(slow), slowish, 0.9, 1},
		{"slow query with a pool decoy", made(slow, poolDecoy), slowish, 0.9, 1},
		{"slow query, early", made(slowEarly), slowish, 0.6, 1},
		{"slow query, retries", made(slow, retries), slowish, 0.9, 1},
		{"slow query, metrics only", made(slow, noDatabase, noChanges), slowish, 0.5, 0.85},
		{"slow query, no metrics", made(slow, noPool), slowish, 0.5, 0.85},
		{"slow query, a dialect with little", made(slow, littleSaid), slowish, 0.6, 1},
		{"slow query behind a pooler", made(behindPooler, slow, poolerFull, slowOnServer), slowish, 0.9, 1},
		{"server starved", made(pasts(65), starvedServer), capability.ServerOverload, 0.7, 1},
		{"server starved, no metrics", made(pasts(65), starvedServer, noPool), capability.ServerOverload, 0.6, 0.85},
		{"slow query, three for each hold", made(slow, func(in *capability.DiagnoseInput) {
			in.Pool.Baseline.QueryS, in.Pool.Baseline.QueriesRPS = new(0.024), new(930.0)
			in.Pool.Now.QueryS, in.Pool.Now.QueriesRPS = new(0.28), new(168.0)
		}), slowish, 0.9, 1},
		{"slow query that loads the server", made(pasts(56), slow, slowToConnect(600), func(in *capability.DiagnoseInput) {
			in.Database.Now.RowsPerCommit, in.Database.Baseline.RowsPerCommit = new(61000.0), new(44.0)
		}), slowish, 0.9, 1},
		{"slow statements, and transactions that wait between them, are not held elsewhere", made(slow, littleSaid, func(in *capability.DiagnoseInput) {
			in.Pool.Onset = new(began.Add(-4 * time.Second))
			in.Database.States = []capability.SessionState{
				{State: activeSession, Count: 25, OldestS: 1.3, P50S: 0.57},
				{State: inTransaction, Count: 25, OldestS: 2.1, P50S: 1.0},
			}
		}), slowish, 0.5, 0.89},
		{"slow all over", made(slow, slowToConnect(600)), slowish, 0.5, 1},

		{"leak", made(leak), leaky, 0.9, 1},
		{"leak with a pool decoy", made(leak, poolDecoy), leaky, 0.9, 1},
		{"leak of some, its onset too early", made(someLeak), leaky, 0.8, 1},
		{"leak, metrics only", made(leak, noDatabase, noChanges), unknown, 0, 0},
		{"leak, a dialect with little", made(leak, littleSaid), leaky, 0.8, 1},
		{"idle in transaction", made(leftOpen), iit, 0.9, 1},
		{"idle in transaction, no metrics", made(leftOpen, noPool), iit, 0.6, 0.85},
		{"idle in transaction, in some replicas", made(someReplicas), iit, 0.6, 1},
		{"half open", made(halfOpen), capability.StaleHalfOpen, 0.9, 1},
		{"half open, no metrics", made(halfOpen, noPool), capability.StaleHalfOpen, 0.5, 0.85},
		{"half open, later", made(orphaned), capability.StaleHalfOpen, 0.7, 1},
		{"external call", made(externalCall), capability.HeldDuringExternalCall, 0.9, 1},
		{"external call, early", made(externalEarly), capability.HeldDuringExternalCall, 0.6, 1},
		{"external call after the commit, early", made(heldAtRest), capability.HeldDuringExternalCall, 0.6, 1},
		{"all is slower, and so are queries", made(queueing, func(in *capability.DiagnoseInput) {
			in.Pool.Now.QueryS, in.Pool.Now.HoldS, in.Pool.Now.ReleasesRPS = new(0.135), new(0.19), new(260.0)
			in.Database.States = []capability.SessionState{{State: inTransaction, Count: 36, OldestS: 0.2, P50S: 0.15}, {State: activeSession, Count: 12, OldestS: 0.2, P50S: 0.03}}
		}), unknown, 0, 0},
		{"external call behind a pooler, where queries wait a little", made(behindPooler, externalCall, func(in *capability.DiagnoseInput) {
			in.Pool.Now.QueryS, in.Pool.Now.QueriesRPS, in.Pool.Baseline.QueriesRPS = new(0.146), new(54.0), new(310.0)
			in.Pooler.Pools[0].ServersActive, in.Pooler.Pools[0].ServersIdle = 6, 34
			in.Database.States = []capability.SessionState{{State: activeSession, Count: 6, OldestS: 0.08, P50S: 0.03}, {State: idleSession, Count: 28, OldestS: 3, P50S: 1}}
		}), capability.HeldDuringExternalCall, 0.7, 1},
		{"external call, metrics only", made(externalCall, noDatabase, noChanges), capability.HeldDuringExternalCall, 0.5, 0.85},

		{"lock convoy", made(convoy), locks, 0.9, 1},
		{"lock convoy, no metrics", made(convoy, noPool), locks, 0.8, 0.85},
		{"lock convoy with a pool decoy", made(convoy, poolDecoy), locks, 0.9, 1},
		{"prepared transaction", made(prepared), capability.PreparedTransaction, 0.9, 1},
		{"prepared transaction, no metrics", made(prepared, noPool), capability.PreparedTransaction, 0.8, 0.85},
		{"a prepared transaction nobody waits for", made(preparedOnly), unknown, 0, 0},
		{"autovacuum", made(convoy, vacuum), capability.AutovacuumOrWraparound, 0.9, 1},

		{"max_connections lowered", made(maxLowered), limit, 0.9, 1},
		{"max_connections lowered, no metrics", made(maxLowered, noPool), limit, 0.5, 0.85},
		{"max_connections lowered with a pool decoy", made(maxLowered, poolDecoy), limit, 0.9, 1},
		{"too many replicas", made(tooManyReplicas), capability.ReplicasTimesPool, 0.9, 1},
		{"too many replicas, no baseline", made(tooManyReplicas, noBaseline), capability.ReplicasTimesPool, 0.7, 1},
		{"too many replicas, metrics only", made(tooManyReplicas, noDatabase, noChanges), capability.ReplicasTimesPool, 0.5, 0.85},
		{"limit of the database", made(roleLimit), capability.RoleOrDBLimit, 0.9, 1},
		{"limit of the role, unsaid", made(roleLimitUnsaid), capability.RoleOrDBLimit, 0.9, 1},
		{"limit of the role, no metrics", made(roleLimitUnsaid, noPool), capability.RoleOrDBLimit, 0.5, 0.85},
		{"noisy neighbour", made(noisyNeighbour), capability.NoisyClient, 0.9, 1},
		{"noisy neighbour, and the pools lack a few", made(noisyNeighbour, func(in *capability.DiagnoseInput) {
			in.Pool.Now.Max, in.Pool.Now.Acquired = new(22), new(20)
			for i := range in.Pool.Replicas {
				in.Pool.Replicas[i].Acquired, in.Pool.Replicas[i].Idle = 4, 0
			}
			in.Database.Clients[1].Count = 20
		}), capability.NoisyClient, 0.9, 1},
		{"noisy neighbour, no metrics", made(noisyNeighbour, noPool), capability.NoisyClient, 0.5, 0.85},
		{"storm past pools at rest, with slots free for a moment", made(storm, func(in *capability.DiagnoseInput) {
			for i := range in.Pool.Replicas {
				in.Pool.Replicas[i].Idle = 10
			}
			in.Database.Free, in.Database.Connect = 4, capability.Connect{OK: true, MS: 8}
		}), capability.ConnectionStorm, 0.6, 0.95},
		{"storm", made(storm), capability.ConnectionStorm, 0.9, 1},
		{"slow to connect", made(slowAuth), capability.SlowConnectAuth, 0.9, 1},
		{"slow to connect, metrics only", made(slowAuth, noDatabase, noChanges), capability.SlowConnectAuth, 0.5, 0.85},
		{"slow to connect, and nobody needs to", made(atRest, slowToConnect(1400)), unknown, 0, 0},
		{"slow to connect, all opened at last", made(queueing, slowToConnect(1500), func(in *capability.DiagnoseInput) { in.Pool.Now.Opening, in.Pool.Baseline.Opening = new(40), new(1) }), capability.SlowConnectAuth, 0.6, 1},
		{"no file descriptors, our own connection starved", made(noFiles, slowToConnect(1500)), capability.ClientFDOrPortLimit, 0.5, 0.9},
		{"no file descriptors", made(noFiles), capability.ClientFDOrPortLimit, 0.6, 1},
		{"server restarting", made(restarting), capability.FailoverOrWrongEndpoint, 0.9, 1},

		{"led elsewhere, in words", made(pasts(2), ledAway, failedWith("25006")), capability.FailoverOrWrongEndpoint, 0.9, 1},
		{"led elsewhere, without a word", made(pasts(2), ledAway), capability.FailoverOrWrongEndpoint, 0.6, 0.9},
		{"nobody answers us nor the service", made(restarting, turnedAway("", "dial tcp 10.0.0.5:5432: connect: connection refused")), capability.FailoverOrWrongEndpoint, 0.8, 1},
		{"nobody answers us, and the service is well", made(turnedAway("", "dial tcp 10.0.0.5:5432: connect: connection refused")), unknown, 0, 0},
		{"led to a standby", made(readOnly), capability.FailoverOrWrongEndpoint, 0.8, 1},
		{"a standby that is read", made(func(in *capability.DiagnoseInput) { in.Database.ReadOnly, in.Database.Recovery = true, true }), unknown, 0, 0},

		{"pooler too small", made(behindPooler, poolerSmall), capability.PgbouncerPoolTooSmall, 0.9, 1},
		{"pooler too small, no metrics", made(behindPooler, poolerSmall, noPool), capability.PgbouncerPoolTooSmall, 0.8, 1},
		{"pooler too small, it alone", made(behindPooler, poolerSmall, noPool, noDatabase), capability.PgbouncerPoolTooSmall, 0.5, 0.85},
		{"pooler too small, nobody waits just now", made(behindPooler, poolerSmall, noPool, func(in *capability.DiagnoseInput) {
			in.Pooler.Pools[0].Waiting, in.Pooler.Pools[0].MaxWaitS = 1, 0.02
		}), capability.PgbouncerPoolTooSmall, 0.8, 1},
		{"pooler refuses clients", made(behindPooler, poolerRefuses), capability.PgbouncerMaxClientConn, 0.9, 1},

		{"nothing could be read", made(noPool, noDatabase, noChanges), unknown, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			isTop(t, c.in, c.cause, c.least, c.most)
		})
	}
}

// isTop holds what is ranked first, how surely, and that the answer is sound.
func isTop(t *testing.T, in capability.DiagnoseInput, cause capability.Cause, least, most float64) {
	t.Helper()
	out := Connections(in)
	if out.Top.Cause != cause || out.Top.Confidence < least || out.Top.Confidence > most {
		t.Errorf("top is %s %.2f, want %s %.2f to %.2f", out.Top.Cause, out.Top.Confidence, cause, least, most)
		for _, f := range out.Findings {
			t.Logf("%s %.2f %q", f.Cause, f.Confidence, f.Chain)
		}
		for _, r := range out.Top.RuledOut {
			t.Logf("not %s: %s", r.Cause, r.Because)
		}
	}
	isSound(t, out)
}

// isSound holds the rules that every answer obeys.
func isSound(t *testing.T, out capability.DiagnoseOutput) {
	t.Helper()
	if out.Top.Cause == "" {
		t.Error("top names nothing")
	}
	if out.Top.Cause == capability.UnknownCause {
		if out.Top.Confidence != 0 || out.Top.Rank != 0 || len(out.Top.Chain) == 0 {
			t.Errorf("unknown is not honest: %+v", out.Top)
		}
	} else if !reflect.DeepEqual(out.Top, out.Findings[0]) {
		t.Error("top is not the first finding")
	}
	for i, f := range out.Findings {
		if f.Rank != i+1 || i > 0 && f.Confidence > out.Findings[i-1].Confidence {
			t.Errorf("%s is out of order", f.Cause)
		}
		sources := map[string]bool{}
		for _, e := range f.Evidence {
			if e.Supports {
				sources[e.Source] = true
			}
			if e.Query == "" || e.Observed == "" || e.Expected == "" || strings.Contains(e.Observed, "NaN") {
				t.Errorf("%s: evidence cannot be repeated: %+v", f.Cause, e)
			}
		}
		if f.Confidence >= 0.9 && len(sources) < 2 {
			t.Errorf("%s has %.2f on %d source", f.Cause, f.Confidence, len(sources))
		}
		if f.Confidence > 0.7 && len(sources) == 1 && sources[changes] {
			t.Errorf("%s has %.2f on a change alone", f.Cause, f.Confidence)
		}
		if f.Confidence < 0 || f.Confidence > 1 || len(f.Actions) == 0 || len(f.Chain) == 0 {
			t.Errorf("%s is not whole: %+v", f.Cause, f)
		}
		for _, r := range f.RuledOut {
			if r.Cause == f.Cause || r.Because == "" || strings.Contains(r.Because, "unknown") || strings.Contains(r.Because, "NaN") {
				t.Errorf("%s: ruled out %+v", f.Cause, r)
			}
		}
	}
	if s := out.Saturated; s != nil {
		for _, n := range out.NotSaturated {
			if n.What == s.What {
				t.Errorf("%s is saturated and is not", s.What)
			}
		}
	}
}

// TestReportedChange holds that a change which was reported is as good as one
// of the settings, but nothing that firebreak can put back; and that a
// deployment is shown where the program may be at fault, and is no source that
// makes anything certain.
func TestReportedChange(t *testing.T) {
	told := made(poolLowered, culprit)
	told.Reported, told.Changes = []capability.Change{told.Changes.Changes[0]}, nil
	told.Reported[0].Reporter, told.Reported[0].Kind = "machine:ci", "config"
	out := Connections(told)
	if out.Top.Cause != capability.AppPoolTooSmall || out.Top.Change == nil || out.Top.Change.Reporter != "machine:ci" {
		t.Fatalf("top %s, change %v", out.Top.Cause, out.Top.Change)
	}
	if first := out.Top.Actions[0]; first.Action != nil || first.ID != "put_back" || first.To != scalar(50) {
		t.Errorf("first action %+v", first)
	}

	deploy := capability.Change{ID: "ci/7", Setting: "v2.3.0", Title: "v2.3.0", Kind: "deploy", Reporter: "machine:ci", Author: "ann", At: began.Add(-5 * time.Minute)}
	shown := func(in capability.DiagnoseInput) bool {
		in.Reported = []capability.Change{deploy}
		isSound(t, Connections(in))
		return slices.ContainsFunc(Connections(in).Top.Evidence, func(e capability.Evidence) bool { return strings.Contains(e.Observed, "v2.3.0") })
	}
	if !shown(made(leak)) || shown(made(convoy)) {
		t.Error("a deployment is shown of a leak, and of no lock")
	}
	alone := made(leak, held(46), noDatabase, noChanges)
	alone.Reported = []capability.Change{deploy}
	if c := Connections(alone).Top.Confidence; c > 0.85 {
		t.Errorf("a deployment is a second source: %.2f", c)
	}
}

// TestPoolerWithoutPast holds that slow queries behind a pooler that has just
// begun to be looked at are no riddle.
func TestPoolerWithoutPast(t *testing.T) {
	in := made(behindPooler, slow, poolerFull, slowOnServer)
	in.Pooler.Baseline = nil
	isSound(t, Connections(in))
}

func TestTheChange(t *testing.T) {
	out := Connections(made(poolLowered, culprit))
	if out.Top.Change == nil || out.Top.Change.ID != "c5:db.pool.max" || out.Top.Variant == nil || *out.Top.Variant != "config_change" {
		t.Fatalf("change %+v, variant %v", out.Top.Change, out.Top.Variant)
	}
	revert := out.Top.Actions[0]
	if revert.Kind != "revert" || revert.Target != "db.pool.max" || revert.From != scalar(20) || revert.To != scalar(50) || !revert.Reversible {
		t.Errorf("first action %+v", revert)
	}
	if first := out.Top.Chain[0]; first != "db.pool.max 50 → 20" {
		t.Errorf("chain begins with %q", first)
	}

	for name, in := range map[string]capability.DiagnoseInput{
		"only decoys": made(poolLowered),
		"made after the onset": made(poolLowered, culprit, func(in *capability.DiagnoseInput) {
			in.Changes.Changes[0].At = began.Add(time.Minute)
		}),
		"other values": made(poolLowered, culprit, func(in *capability.DiagnoseInput) {
			in.Changes.Changes[0].Before, in.Changes.Changes[0].After = scalar(100), scalar(80)
		}),
		"overwritten since": made(poolLowered, culprit, func(in *capability.DiagnoseInput) {
			in.Changes.Changes = slices.Insert(in.Changes.Changes, 0, capability.Change{
				ID: "c9", Setting: "db.pool.max", Before: scalar(20), After: scalar(50), At: began,
			})
		}),
		"not a number": made(poolLowered, culprit, func(in *capability.DiagnoseInput) {
			in.Changes.Changes[0].Before = scalar("fifty")
		}),
	} {
		if out := Connections(in); out.Top.Change != nil {
			t.Errorf("%s: blames %+v", name, *out.Top.Change)
		}
	}
}

// TestPoolSizesOfReplicas holds that a setting is recognised as a total, per
// replica, and as a total while a replica is silent.
func TestPoolSizesOfReplicas(t *testing.T) {
	perReplica := made(poolLowered, culprit, func(in *capability.DiagnoseInput) {
		in.Changes.Changes[0].Before, in.Changes.Changes[0].After = scalar(10), scalar(4)
	})
	silent := made(poolLowered, culprit, func(in *capability.DiagnoseInput) {
		in.Pool.Replicas, in.Pool.Silent = in.Pool.Replicas[:4], []string{"e"}
		in.Pool.Now.Max, in.Pool.Now.Acquired = new(16), new(16)
		in.Pool.Now.ReleasesRPS = new(146.0)
	})
	for name, in := range map[string]capability.DiagnoseInput{"per replica": perReplica, "silent": silent} {
		if out := Connections(in); out.Top.Cause != capability.AppPoolTooSmall || out.Top.Change == nil {
			t.Errorf("%s: top %s %.2f, change %v", name, out.Top.Cause, out.Top.Confidence, out.Top.Change)
		}
	}
}

func TestArithmetic(t *testing.T) {
	a := Connections(made(poolLowered, culprit)).Arithmetic
	if a == nil || a.DemandConns == nil || *a.DemandConns < 33 || *a.DemandConns > 35 || *a.CapacityConns != 20 {
		t.Fatalf("arithmetic %+v", a)
	}
	// 120 wait; 50 connections serve 454/s, of which 310/s come anew.
	if a.PredictedDrainS == nil || *a.PredictedDrainS < 0.7 || *a.PredictedDrainS > 1 {
		t.Errorf("drain %v", a.PredictedDrainS)
	}
	if want := "the pools shrank by a factor of 2.5"; !strings.Contains(a.Reading, want) {
		t.Errorf("reading %q does not say %q", a.Reading, want)
	}
	a = Connections(made(poolLowered, retries)).Arithmetic
	if a.RetryAmplification == nil || *a.RetryAmplification < 2.8 || *a.RetryAmplification > 3 {
		t.Errorf("amplification %v", a.RetryAmplification)
	}
	if a := Connections(made(noPool)).Arithmetic; a != nil {
		t.Errorf("arithmetic of nothing: %+v", a)
	}
}

func TestLayers(t *testing.T) {
	for _, c := range []struct {
		name      string
		in        capability.DiagnoseInput
		layer     capability.Layer
		saturated string
	}{
		{"pool lowered", made(poolLowered, culprit), capability.AppPool, appPool},
		{"half open", made(halfOpen), capability.Network, appPool},
		{"convoy", made(convoy), capability.Sessions, appPool},
		{"prepared", made(prepared), capability.Sessions, appPool},
		{"slots", made(maxLowered), capability.ServerSlots, postgresSlots},
		{"replicas", made(tooManyReplicas), capability.ServerSlots, postgresSlots},
	} {
		out := Connections(c.in)
		if out.Layer == nil || *out.Layer != c.layer || out.Saturated == nil || out.Saturated.What != c.saturated {
			t.Errorf("%s: layer %v, saturated %+v; want %s, %s", c.name, out.Layer, out.Saturated, c.layer, c.saturated)
		}
	}
	if out := Connections(made()); out.Layer != nil || out.Saturated != nil || len(out.NotSaturated) != 2 {
		t.Errorf("healthy: layer %v, saturated %v, not saturated %v", out.Layer, out.Saturated, out.NotSaturated)
	}
}

func TestMissingAndAsOf(t *testing.T) {
	out := Connections(made(noPool, noChanges))
	if !slices.Equal(out.Missing, []string{"pool", "changes"}) || !out.AsOf.Equal(began.Add(time.Second)) {
		t.Errorf("missing %q, as of %s", out.Missing, out.AsOf)
	}
}

// TestSilentReplicaIsNoSmallerPool holds that losing sight of a replica does
// not look like a change of size.
func TestSilentReplicaIsNoSmallerPool(t *testing.T) {
	in := made(queueing, culprit, func(in *capability.DiagnoseInput) {
		in.Pool.Replicas, in.Pool.Silent = in.Pool.Replicas[:4], []string{"e"}
		in.Pool.Now.Max, in.Pool.Now.Acquired = new(40), new(40)
		in.Pool.Now.ReleasesRPS = new(360.0)
	})
	if out := Connections(in); out.Top.Cause == capability.AppPoolTooSmall {
		t.Errorf("top %s %.2f: %q", out.Top.Cause, out.Top.Confidence, out.Top.Chain)
	}
}
