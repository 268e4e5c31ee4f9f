package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// TestEveryCauseIsWhole holds that each cause of the contract is judged, once,
// and says what people need of it.
func TestEveryCauseIsWhole(t *testing.T) {
	known := Causes()
	if len(known) != len(causes) || len(known) != len(capability.Causes())-1 {
		t.Errorf("%d causes are judged, %d known, and the contract has %d besides unknown", len(causes), len(known), len(capability.Causes())-1)
	}
	for _, c := range known {
		if !strings.HasSuffix(c.Text, ".") || !strings.HasSuffix(c.Signs, ".") || len(c.Unlike) == 0 {
			t.Errorf("%s: text %q, signs %q, unlike %v", c.ID, c.Text, c.Signs, c.Unlike)
		}
		for _, u := range c.Unlike {
			if u.Cause == c.ID || u.Told == "" || !slices.Contains(capability.Causes(), u.Cause) {
				t.Errorf("%s is told apart from %q by %q", c.ID, u.Cause, u.Told)
			}
		}
	}
}

// TestTwoAtOnce holds that of two causes at work at once both are among the
// first three.
func TestTwoAtOnce(t *testing.T) {
	fewer := func(in *capability.DiagnoseInput) {
		in.Pool.Now.Max, in.Pool.Now.Acquired = new(20), new(20)
		for i := range in.Pool.Replicas {
			in.Pool.Replicas[i].Max, in.Pool.Replicas[i].Acquired = 4, 4
		}
		in.Database.Used, in.Database.Free, in.Database.Clients[0].Count = 21, 36, 20
		for i := range in.Database.States {
			in.Database.States[i].Count = in.Database.States[i].Count * 2 / 5
		}
	}
	more := func(in *capability.DiagnoseInput) {
		in.Pool.Now.FirstAttemptsRPS, in.Pool.Now.OfferedRPS = new(620.0), new(620.0)
	}
	// atLimit keeps the pools at 20 of their 50 connections, all of them in use.
	atLimit := func(in *capability.DiagnoseInput) {
		in.Pool.Now.Acquired, in.Pool.Now.ConnectsRPS, in.Pool.Now.ErrorRate = new(20), new(120.0), new(0.6)
		starved(in)
		in.Database.Limits.Role, in.Database.Used, in.Database.Free, in.Database.Clients[0].Count = new(20), 21, 36, 20
		for i := range in.Database.States {
			in.Database.States[i].Count = in.Database.States[i].Count * 2 / 5
		}
	}
	// crowded has another program take the other slots.
	crowded := func(in *capability.DiagnoseInput) {
		in.Database.Limits.Role, in.Database.Used, in.Database.Free = nil, 57, 0
		in.Database.Clients = append(in.Database.Clients, capability.Client{User: "export", Application: "batch", Database: "jobs", Count: 36})
	}
	for name, c := range map[string]struct {
		in   capability.DiagnoseInput
		want []capability.Cause
	}{
		"fewer connections and more requests":       {made(poolLowered, more), []capability.Cause{capability.AppPoolTooSmall, capability.TrafficSpike}},
		"fewer connections and slow queries":        {made(slow, fewer), []capability.Cause{capability.AppPoolTooSmall, capability.SlowQuery}},
		"fewer connections and a leak":              {made(leak, fewer), []capability.Cause{capability.AppPoolTooSmall, capability.ConnectionLeak}},
		"more requests and slow queries":            {made(slow, more), []capability.Cause{capability.TrafficSpike, capability.SlowQuery}},
		"more requests and a convoy":                {made(convoy, more), []capability.Cause{capability.TrafficSpike, capability.LockBlocking}},
		"a role's limit and transactions left open": {made(leftOpen, atLimit), []capability.Cause{capability.RoleOrDBLimit, capability.IdleInTransaction}},
		"a role's limit and a leak":                 {made(leak, atLimit), []capability.Cause{capability.RoleOrDBLimit, capability.ConnectionLeak}},
		"another program's slots and slow queries":  {made(slow, atLimit, crowded), []capability.Cause{capability.NoisyClient, capability.SlowQuery}},
		"a small pooler and a slow dependency": {made(behindPooler, poolerSmall, func(in *capability.DiagnoseInput) {
			in.Pool.Now.QueryS, in.Pool.Now.HoldS = new(0.11), new(1.9)
			in.Pooler.Now.WaitS = new(0.05)
		}), []capability.Cause{capability.PgbouncerPoolTooSmall, capability.HeldDuringExternalCall}},
		"fewer slots and a leak": {made(maxLowered, func(in *capability.DiagnoseInput) {
			in.Pool.Onset, in.Pool.Now.From = new(began.Add(-2400*time.Millisecond)), began.Add(-2400*time.Millisecond)
			in.Pool.Now.ReleasesRPS, in.Pool.Now.HoldS = new(100.0), new(0.12)
			in.Database.States = []capability.SessionState{{State: idleSession, Count: 14, OldestS: 1.09, P50S: 0.98, YoungestS: 0.1}, {State: activeSession, Count: 7, OldestS: 0.05, P50S: 0.02}}
		}), []capability.Cause{capability.DBMaxConnectionsTooLow, capability.ConnectionLeak}},
		"queries that take longer, one or all, and nobody reads the server": {made(slow, noDatabase, noChanges), []capability.Cause{capability.SlowQuery, capability.ServerOverload}},
		"queries that take longer, and perhaps at a pooler":                 {made(slow, noDatabase, noChanges), []capability.Cause{capability.SlowQuery, capability.ServerOverload, capability.PgbouncerPoolTooSmall}},
		"held for longer, and nobody says in what":                          {made(slow, hikari, noDatabase, noChanges), []capability.Cause{capability.SlowQuery, capability.HeldDuringExternalCall, capability.ServerOverload}},
		"slow, by what requests do beside waits that grow":                  {made(slow, littleSaid, served(0.112, 0.25), noDatabase, noChanges), []capability.Cause{capability.SlowQuery, capability.HeldDuringExternalCall, capability.ServerOverload}},
		"slower, by less than requests do beside waiting": {made(slow, littleSaid, served(0.112, 0.16), noDatabase, noChanges, func(in *capability.DiagnoseInput) {
			in.Pool.Now.ReleasesRPS = new(260.0)
		}), []capability.Cause{capability.SlowQuery, capability.ServerOverload}},
		"requests fail on the connections that they are given": {made(queueing, hikari, noDatabase, noChanges, func(in *capability.DiagnoseInput) {
			in.Pool.Now.ErrorRate, in.Pool.Now.HoldS, in.Pool.Now.ReleasesRPS = new(1.0), new(0.06), new(800.0)
		}), []capability.Cause{capability.FailoverOrWrongEndpoint}},
		"refused as a server does":                       {made(maxLowered, littleSaid, refusedAfter(0.006), noDatabase, noChanges), []capability.Cause{capability.DBMaxConnectionsTooLow, capability.RoleOrDBLimit, capability.NoisyClient}},
		"refused sooner than a server can":               {made(maxLowered, littleSaid, refusedAfter(0.0004), noDatabase, noChanges), []capability.Cause{capability.PgbouncerMaxClientConn, capability.ClientFDOrPortLimit, capability.DBMaxConnectionsTooLow}},
		"refused, and nobody says by whom: any of three": {made(roleLimit, noDatabase, noChanges), []capability.Cause{capability.DBMaxConnectionsTooLow, capability.RoleOrDBLimit, capability.NoisyClient}},
		"held after its queries, and most comes back": {made(leak, held(30), noDatabase, noChanges, func(in *capability.DiagnoseInput) {
			in.Pool.Now.ReleasesRPS = new(290.0)
		}), []capability.Cause{capability.ConnectionLeak, capability.IdleInTransaction}},
		"queries that take longer, one or all, and an exporter reads the server": {made(slow, exported, noChanges), []capability.Cause{capability.SlowQuery, capability.ServerOverload}},
		"no query ends, and an exporter does not say what they wait for": {made(prepared, exported, noChanges, func(in *capability.DiagnoseInput) {
			for i := range in.Pool.Database.Sessions {
				in.Pool.Database.Sessions[i].Wait = ""
			}
		}), []capability.Cause{capability.LockBlocking, capability.PreparedTransaction}},
		"four times the requests, and queries so slow that less is done than before": {made(slow, func(in *capability.DiagnoseInput) {
			in.Pool.Now.FirstAttemptsRPS, in.Pool.Now.OfferedRPS = new(1240.0), new(1240.0)
			in.Pool.Now.HoldS, in.Pool.Now.QueryS, in.Pool.Now.ReleasesRPS = new(0.3), new(0.25), new(160.0)
		}), []capability.Cause{capability.TrafficSpike, capability.SlowQuery}},
		"a leak and a convoy behind it": {made(leak, func(in *capability.DiagnoseInput) {
			in.Database.States[0].Count = 30
			in.Database.States = append(in.Database.States, capability.SessionState{State: inTransaction, Count: 20, OldestS: 6, P50S: 3, Frozen: 18})
		}), []capability.Cause{capability.ConnectionLeak, capability.IdleInTransaction}},
	} {
		out := Connections(c.in)
		isSound(t, out)
		var first []capability.Cause
		for _, f := range out.Findings[:min(3, len(out.Findings))] {
			first = append(first, f.Cause)
		}
		for _, want := range c.want {
			if !slices.Contains(first, want) {
				t.Errorf("%s: %s is not among %q", name, want, first)
			}
		}
	}
}

// TestLookAlikesComeFirst holds that of what was ruled out the reader first
// sees what the cause is easily taken for.
func TestLookAlikesComeFirst(t *testing.T) {
	out := Connections(made(poolLowered, culprit))
	if len(out.Top.RuledOut) == 0 || out.Top.RuledOut[0].Cause != capability.TrafficSpike {
		t.Errorf("ruled out %v", out.Top.RuledOut)
	}
	if out.Margin < 0.2 {
		t.Errorf("margin %v", out.Margin)
	}
}

// TestServiceAmongHolders holds that it is the service that is found, and not
// the program that is in its way, however its replicas call themselves.
func TestServiceAmongHolders(t *testing.T) {
	in := made(noisyNeighbour, func(in *capability.DiagnoseInput) {
		in.Pool.Now.Acquired = new(16)
		in.Database.Clients = []capability.Client{{User: "app", Application: "export", Count: 40}}
		for _, name := range []string{"api-7d9f8b6c5-x2x4z", "api-7d9f8b6c5-99abc", "api-0"} {
			in.Database.Clients = append(in.Database.Clients, capability.Client{User: "app", Application: name, Count: 5})
		}
	})
	out := Connections(in)
	if out.Top.Cause != capability.NoisyClient || !strings.Contains(out.Top.Chain[0], "export") {
		t.Errorf("top %s: %q", out.Top.Cause, out.Top.Chain)
	}
}
