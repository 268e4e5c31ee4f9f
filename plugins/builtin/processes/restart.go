package processes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const poll = 20 * time.Millisecond

// rollout is one restart under way.
type rollout struct {
	*bound
	to       plugins.Stream
	total    int
	signaled []string           // replicas that were told to end
	was      map[string]replica // every replica at the start
	done     map[string]replica // those that came back
	waves    []capability.RestartedWave
}

func (b *bound) restart(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	in, err := restartInput(call)
	if err == nil && b.access == plugins.Read {
		err = plugins.Fail(plugins.Denied, "workload.restart ends processes, and this binding may only read")
	}
	var all []replica
	if err == nil {
		all, err = b.replicas()
	}
	if err == nil && call.Expect != "" && call.Expect != fingerprint(all) {
		err = drift()
	}
	var waves [][]replica
	if err == nil {
		waves, err = cut(all, in)
	}
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	r := rollout{bound: b, to: to, was: map[string]replica{}, done: map[string]replica{}}
	for _, one := range all {
		r.was[one.name] = one
	}
	for _, wave := range waves {
		r.total += len(wave)
	}
	for i, wave := range waves {
		if err = r.mayGoOn(ctx, call.Stop); err != nil {
			break
		}
		from := time.Now().UTC()
		to.Progress(len(r.done), r.total, fmt.Sprintf("wave %d of %d: restarting %s", i+1, len(waves), strings.Join(names(wave), ", ")))
		if err = r.wave(ctx, wave, in.ReadyWithin.Std()); err != nil {
			break
		}
		r.waves = append(r.waves, capability.RestartedWave{Replicas: names(wave), From: from, To: time.Now().UTC()})
		to.Progress(len(r.done), r.total, fmt.Sprintf("wave %d of %d: all ready after %s", i+1, len(waves), time.Since(from).Round(time.Millisecond)))
	}
	return r.outcome(err)
}

// mayGoOn is asked between waves: the safe points.
func (r *rollout) mayGoOn(ctx context.Context, stop <-chan struct{}) error {
	select {
	case <-stop:
		return plugins.Fail(plugins.Cancelled, "stopped before the next wave; %d of %d replicas are restarted", len(r.done), r.total)
	case <-ctx.Done():
		return plugins.Fail(plugins.Timeout, "time ran out before the next wave; %d of %d replicas are restarted", len(r.done), r.total)
	default:
		return nil
	}
}

// wave ends the replicas of one wave, and waits until each is back and ready.
func (r *rollout) wave(ctx context.Context, wave []replica, within time.Duration) error {
	for _, one := range wave {
		if err := r.end(one); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	missing := wave
	for {
		var why string
		if missing, why = r.await(ctx, missing); len(missing) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return plugins.Fail(plugins.Timeout, "%s did not come back ready within %s: %s; %d of %d replicas are restarted and ready; look at the supervisor, and restart the rest once it is ready",
				strings.Join(names(missing), ", "), within, why, len(r.done), r.total)
		}
	}
}

// end sends the signal, unless the replica has ended since the restart began:
// then its supervisor brings it back fresh anyway.
func (r *rollout) end(one replica) error {
	now := look(one.pidfile)
	if !now.runs() || now.process != one.process {
		r.to.Log("info", one.name+" is not the process that it was at the start; it is not signaled")
		return nil
	}
	err := now.process.signal(r.signal)
	switch {
	case err == nil:
		r.signaled = append(r.signaled, one.name)
	case errors.Is(err, os.ErrProcessDone):
	case errors.Is(err, fs.ErrPermission):
		return plugins.Fail(plugins.Denied, "%s: no permission to signal process %d; run firebreak as its user; %d of %d replicas are restarted", one.name, one.pid, len(r.done), r.total)
	default:
		return fmt.Errorf("%s: signal process %d: %w", one.name, one.pid, err)
	}
	return nil
}

// await returns the replicas that are not back yet, and why one of them is
// not.
func (r *rollout) await(ctx context.Context, wave []replica) (missing []replica, why string) {
	now := make([]replica, len(wave))
	for i, one := range wave {
		now[i] = look(one.pidfile)
		if now[i].runs() && now[i].process == one.process {
			now[i].process, now[i].reason = identity{}, fmt.Sprintf("process %d has not ended yet", one.pid)
		}
	}
	for i, ok := range r.readiness(ctx, now) {
		// A replica that ends between the two looks is not ready.
		if ok.reason == "" && look(now[i].pidfile).process == now[i].process {
			r.done[now[i].name] = now[i]
			continue
		}
		missing = append(missing, wave[i])
		why = now[i].name + ": " + ok.reason
	}
	return missing, why
}

// outcome says how far the restart came.
func (r *rollout) outcome(err error) plugins.Outcome {
	out := plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	var receipt capability.RestartReceipt
	for _, name := range r.touched() {
		receipt.Replicas = append(receipt.Replicas, capability.RestartedReplica{Name: name, Was: r.was[name].startedAt, Is: r.done[name].startedAt})
	}
	switch {
	case len(receipt.Replicas) == 0 && (err != nil || r.total > 0):
		return out
	case len(receipt.Replicas) == 0: // nothing was left to do
	case err == nil:
		out.Applied = plugins.All
	default:
		out.Applied = plugins.Partial
	}
	var merr error
	if out.Receipt, merr = json.Marshal(receipt); merr == nil {
		out.Outputs, merr = json.Marshal(capability.RestartOutput{Observed: r.observed(), Waves: r.waves})
	}
	if merr != nil && out.Failure == nil {
		out.Failure = plugins.AsFailure(merr)
	}
	if now, err := r.replicas(); err == nil {
		out.Left = fingerprint(now)
	}
	return out
}

// touched lists the replicas that were signaled or came back, by name; one
// that was signaled and is not back has no new start in the receipt.
func (r *rollout) touched() []string {
	all := map[string]bool{}
	for name := range r.done {
		all[name] = true
	}
	for _, name := range r.signaled {
		all[name] = true
	}
	return sortedKeys(all)
}
