package diagnose

import (
	"slices"
	"strings"
	"testing"

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
	for name, c := range map[string]struct {
		in   capability.DiagnoseInput
		want []capability.Cause
	}{
		"fewer connections and more requests": {made(poolLowered, more), []capability.Cause{capability.AppPoolTooSmall, capability.TrafficSpike}},
		"fewer connections and slow queries":  {made(slow, fewer), []capability.Cause{capability.AppPoolTooSmall, capability.SlowQuery}},
		"fewer connections and a leak":        {made(leak, fewer), []capability.Cause{capability.AppPoolTooSmall, capability.ConnectionLeak}},
		"more requests and slow queries":      {made(slow, more), []capability.Cause{capability.TrafficSpike, capability.SlowQuery}},
		"more requests and a convoy":          {made(convoy, more), []capability.Cause{capability.TrafficSpike, capability.LockBlocking}},
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
