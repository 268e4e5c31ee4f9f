package conformance

import (
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// workload.status: each replica once, and as many ready as are said to be.
func workloadStatus(s *suite, t T, r Read, out capability.StatusOutput) {
	s.observed(t, r.Service, r.Action, out.Observed)
	seen := map[string]bool{}
	ready := 0
	for _, replica := range out.Replicas {
		if seen[replica.Name] || replica.Name == "" {
			t.Errorf("two replicas are named %q", replica.Name)
		}
		seen[replica.Name] = true
		if replica.Ready {
			ready++
		} else if replica.Reason == nil {
			t.Errorf("replica %s is not ready, and no reason is given", replica.Name)
		}
	}
	if ready != out.Ready {
		t.Errorf("%d replicas are ready, and %d are said to be", ready, out.Ready)
	}
}

// workload.restart, in waves that reach all: every replica is in one wave, a
// wave begins when those before it are over, and every replica has started
// anew and is ready.
func workloadRestarted(s *suite, t T, m Mutation, _ plugins.Plan, done plugins.Outcome) {
	out := decoded[capability.RestartOutput](t, done.Outputs)
	receipt := decoded[capability.RestartReceipt](t, done.Receipt)
	s.observed(t, m.Service, m.Action, out.Observed)
	restarted := map[string]bool{}
	for i, wave := range out.Waves {
		if i > 0 && wave.From.Before(out.Waves[i-1].To) {
			t.Errorf("wave %d began at %s, before the one before it was over at %s", i+1, wave.From, out.Waves[i-1].To)
		}
		for _, name := range wave.Replicas {
			if restarted[name] {
				t.Errorf("replica %s is in two waves", name)
			}
			restarted[name] = true
		}
	}
	for _, replica := range receipt.Replicas {
		if !restarted[replica.Name] || !replica.Is.After(replica.Was) {
			t.Errorf("the receipt says that %s was started at %s and then at %s; in a wave: %v", replica.Name, replica.Was, replica.Is, restarted[replica.Name])
		}
	}
	if len(receipt.Replicas) != len(restarted) {
		t.Errorf("the waves have %d replicas, and the receipt %d", len(restarted), len(receipt.Replicas))
	}
	if !s.offers(t, "workload.status") {
		return
	}
	for _, replica := range look[capability.StatusOutput](s, t, m.Service, "workload.status", nil).Replicas {
		if !replica.Ready || !restarted[replica.Name] {
			t.Errorf("after the restart replica %s is ready: %v, restarted: %v", replica.Name, replica.Ready, restarted[replica.Name])
		}
	}
}

// workload.rollback: it is at the revision that it says, and the receipt
// names both ends.
func workloadRolledBack(s *suite, t T, m Mutation, _ plugins.Plan, done plugins.Outcome) {
	out := decoded[capability.RevertOutput](t, done.Outputs)
	receipt := decoded[capability.RevertReceipt](t, done.Receipt)
	s.observed(t, m.Service, m.Action, out.Observed)
	if in := decoded[capability.RevertInput](t, m.Input); in.Revision != "" && out.To != in.Revision {
		t.Errorf("revision %s was asked for, and it went back to %s", in.Revision, out.To)
	}
	if receipt.Before == "" || receipt.After == "" || receipt.Before == receipt.After {
		t.Errorf("the receipt says that it went from %q to %q", receipt.Before, receipt.After)
	}
	if !s.offers(t, "workload.status") {
		return
	}
	now := look[capability.StatusOutput](s, t, m.Service, "workload.status", nil)
	if now.Rollout.Revision != out.Revision || now.Rollout.Complete != out.Complete {
		t.Errorf("it says that revision %s is the newest, complete: %v, and workload.status %s, %v", out.Revision, out.Complete, now.Rollout.Revision, now.Rollout.Complete)
	}
}

// workload.scale: there are to be as many as were asked for.
func workloadScaled(s *suite, t T, m Mutation, _ plugins.Plan, done plugins.Outcome) {
	in := decoded[capability.ScaleInput](t, m.Input)
	out := decoded[capability.ScaleOutput](t, done.Outputs)
	receipt := decoded[capability.ScaleReceipt](t, done.Receipt)
	s.observed(t, m.Service, m.Action, out.Observed)
	if out.To != in.Replicas || receipt.After != in.Replicas || receipt.Before != out.From {
		t.Errorf("%d replicas were asked for; the outputs say %d to %d, and the receipt %d to %d", in.Replicas, out.From, out.To, receipt.Before, receipt.After)
	}
	if !s.offers(t, "workload.status") {
		return
	}
	if now := look[capability.StatusOutput](s, t, m.Service, "workload.status", nil); now.Desired != in.Replicas {
		t.Errorf("scaled to %d, and workload.status says that %d are desired", in.Replicas, now.Desired)
	}
}
