package http

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	livePoll = 50 * time.Millisecond
	// waveTime is what a wave has until it runs the value, if nothing is said.
	waveTime = 10 * time.Second
)

var defaultWaves = []capability.Wave{capability.Count(1), capability.Percent(25), capability.Percent(100)}

func orderOf(call plugins.Call) (capability.SettingsOrder, error) {
	o, err := capability.SettingsOrderOf("http", call)
	if o.LiveWithin == 0 {
		o.LiveWithin = waveTime
	}
	if o.Waves == nil {
		o.Waves = defaultWaves
	}
	return o, err
}

// rollout is an order worked out on what the replicas run.
type rollout struct {
	capability.SettingsOrder

	all   []running
	was   capability.Scalar // what those that are to be changed run; if there are none: what was asked for
	waves [][]running
	herd  error // why this may not be done as things are: it takes all at once
}

// workOut cuts the replicas that do not run the value yet into waves. Those
// that do are done, and count.
func (s *settings) workOut(ctx context.Context, call plugins.Call) (r rollout, err error) {
	if r.SettingsOrder, err = orderOf(call); err != nil {
		return r, err
	}
	if r.all, err = s.values(ctx, r.Setting); err != nil {
		return r, err
	}
	if call.Expect != "" && call.Expect != fingerprint(r.Setting, r.all) {
		return r, drift("%s is not on every replica what was seen when this was planned", r.Setting)
	}
	members, left := r.all, []running(nil)
	if r.Replicas != nil {
		members = slices.DeleteFunc(slices.Clone(r.all), func(v running) bool { return !slices.Contains(r.Replicas, v.url) })
	}
	for _, v := range members {
		if v.value != r.To {
			left = append(left, v)
		}
	}
	r.was = r.To
	for i, v := range left {
		switch {
		case r.From != nil && v.value != *r.From:
			return r, drift("%s runs %s = %s, not %s: somebody changed it since", v.url, r.Setting, v.value, *r.From)
		case i > 0 && v.value != r.was:
			return r, plugins.Fail(plugins.Conflict, "the replicas do not run the same %s (%s), so that there is no one value to go back to; set it by settings.rollback, which says what it was", r.Setting, spread(r.all))
		}
		r.was = v.value
	}
	total := len(members)
	for _, n := range capability.Cut(r.Waves, total-len(left), total) {
		if err := capability.AllAtOnce(n, len(r.all), r.AllAtOnce); err != nil {
			r.herd = err
		}
		r.waves = append(r.waves, left[:n])
		left = left[n:]
	}
	return r, nil
}

func drift(format string, args ...any) error {
	return plugins.Fail(plugins.Drift, "%s; nothing was changed", fmt.Sprintf(format, args...))
}

func (r *rollout) receipt(changed []string) capability.SettingsReceipt {
	return capability.SettingsReceipt{Setting: r.Setting, Before: r.was, After: r.To, Replicas: changed}
}

// rolloutBinding is what a plan binds: how far the value goes, whichever
// replicas are left by then.
type rolloutBinding struct {
	capability.SettingsBinding
	UpTo []capability.Wave `json:"up_to"`
}

func (s *settings) Plan(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	r, err := s.workOut(ctx, call)
	if err != nil {
		return plugins.Plan{}, err
	}
	binding, err := plugins.Canonical(rolloutBinding{
		capability.SettingsBinding{Resource: s.Resource(), Setting: r.Setting, To: r.To}, r.Waves,
	})
	if err != nil {
		return plugins.Plan{}, err
	}
	var detail strings.Builder
	detail.WriteString(r.unguarded())
	var all []string
	for i, wave := range r.waves {
		fmt.Fprintf(&detail, "wave %d of %d, running it within %s:\n", i+1, len(r.waves), r.LiveWithin)
		for _, v := range wave {
			fmt.Fprintf(&detail, "  %s: %s from %s to %s\n", v.url, r.Setting, v.value, r.To)
			all = append(all, v.url)
		}
	}
	if len(all) == 0 {
		fmt.Fprintf(&detail, "%s: %s; as many run %s already: nothing to change\n", r.Setting, spread(r.all), r.To)
	}
	if r.herd != nil { // steps before this one may have begun with some
		fmt.Fprintf(&detail, "refused, unless some run it by then: %v\n", r.herd)
	}
	undo, err := json.Marshal(r.receipt(all))
	return plugins.Plan{
		Binding: binding, Detail: detail.String(), Fingerprint: fingerprint(r.Setting, r.all), Undo: undo, Resource: s.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "replicas", Affected: len(all), Total: len(r.all)},
	}, err
}

// unguarded is the line about those replicas that are to be changed and say no
// ETag, by which they could refuse.
func (r *rollout) unguarded() string {
	n, without := 0, 0
	for _, v := range slices.Concat(r.waves...) {
		n++
		if v.etag == "" {
			without++
		}
	}
	switch without {
	case 0:
		return ""
	case n:
		return plugins.LastLook + ": no ETag is said\n"
	default:
		return fmt.Sprintf("%s, on the %d of %d replicas that say no ETag\n", plugins.LastLook, without, n)
	}
}

// write changes wave after wave; the next only when all that were changed run
// the value. It ends early between two replicas.
func (s *settings) write(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	none := func(err error) plugins.Outcome {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	if s.access == plugins.Read {
		return none(plugins.Fail(plugins.Denied, "%s changes settings, and this binding may only read", call.Action))
	}
	if f := stopped(call); f != nil {
		return none(f)
	}
	r, err := s.workOut(ctx, call)
	if err == nil {
		err = r.herd
	}
	if err != nil {
		return none(err)
	}
	applied, changed := plugins.None, []string{}
	for i, wave := range r.waves {
		to.Progress(len(changed), len(r.all), fmt.Sprintf("wave %d of %d: %s = %s on %d of %d replicas", i+1, len(r.waves), r.Setting, r.To, len(wave), len(r.all)))
		for _, one := range wave {
			var did plugins.Applied
			if did, err = s.one(ctx, call, one, &r); did == plugins.All {
				changed = append(changed, one.url)
			}
			if did != plugins.None {
				applied = did
			}
			if err != nil {
				break
			}
		}
		if err == nil {
			err = s.live(ctx, call.Stop, wave, &r)
		}
		if err != nil {
			break
		}
	}
	return s.outcome(ctx, &r, changed, applied, err)
}

// one changes one replica, if it still runs what it ran when this was worked
// out.
func (s *settings) one(ctx context.Context, call plugins.Call, was running, r *rollout) (plugins.Applied, error) {
	if stopped(call) != nil {
		return plugins.None, plugins.Fail(plugins.Cancelled, "stopped before the next replica")
	}
	now, err := s.value(ctx, was.url, r.Setting)
	if err != nil {
		return plugins.None, err
	}
	if now.value != was.value {
		return plugins.None, plugins.Fail(plugins.Drift, "%s runs %s = %s, not %s: somebody changed it just now; it is left alone", was.url, r.Setting, now.value, was.value)
	}
	return s.put(ctx, now, r.Setting, r.To)
}

// live waits until each replica of a wave runs the value.
func (s *settings) live(ctx context.Context, stop <-chan struct{}, wave []running, r *rollout) error {
	ctx, cancel := context.WithTimeout(ctx, r.LiveWithin)
	defer cancel()
	tick := time.NewTicker(livePoll)
	defer tick.Stop()
	var last error
	for {
		wave = slices.DeleteFunc(slices.Clone(wave), func(one running) bool {
			now, err := s.value(ctx, one.url, r.Setting)
			if err == nil && now.value != r.To {
				err = fmt.Errorf("%s runs %s", one.url, now.value)
			}
			if err != nil && ctx.Err() == nil {
				last = err
			}
			return err == nil
		})
		if len(wave) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-stop:
			return plugins.Fail(plugins.Cancelled, "stopped before %s was seen to run %s = %s", wave[0].url, r.Setting, r.To)
		case <-ctx.Done():
			return plugins.Fail(plugins.Timeout, "%s was not seen to run %s = %s within %s: %v; look at that replica", wave[0].url, r.Setting, r.To, r.LiveWithin, last)
		}
	}
}

func (s *settings) outcome(ctx context.Context, r *rollout, changed []string, applied plugins.Applied, err error) plugins.Outcome {
	if err != nil && applied == plugins.All {
		applied = plugins.Partial
	}
	out := plugins.Outcome{Failure: plugins.AsFailure(err), Applied: applied}
	if applied == plugins.None && err != nil {
		return out
	}
	if now, err := s.values(ctx, r.Setting); err == nil {
		out.Left = fingerprint(r.Setting, now)
	}
	var merr error
	if applied != plugins.None {
		if out.Receipt, merr = json.Marshal(r.receipt(changed)); merr != nil {
			out.Failure = plugins.AsFailure(merr)
			return out
		}
	}
	out.Outputs, merr = json.Marshal(capability.ApplyOutput{
		Observed: s.observed(), Setting: r.Setting, From: r.was, To: r.To, Revision: out.Left, Live: err == nil,
	})
	if merr != nil && out.Failure == nil {
		out.Failure = plugins.AsFailure(merr)
	}
	return out
}

// Probe looks what the replicas of the plan run. It cannot tell whose change
// that is; the receipt names those that run the value now.
func (s *settings) Probe(ctx context.Context, call plugins.Call, undo json.RawMessage) plugins.Probed {
	unknown := func(reason string) plugins.Probed {
		return plugins.Probed{Applied: plugins.Unknown, Reason: reason}
	}
	var planned capability.SettingsReceipt
	if err := json.Unmarshal(undo, &planned); err != nil || planned.Setting == "" {
		return unknown("the plan left no receipt to look by")
	}
	all, err := s.values(ctx, planned.Setting)
	if err != nil {
		return unknown(err.Error())
	}
	var changed []string
	for _, v := range all {
		switch {
		case !slices.Contains(planned.Replicas, v.url), v.value == planned.Before:
		case v.value == planned.After:
			changed = append(changed, v.url)
		default:
			return unknown(fmt.Sprintf("%s runs %s = %s: neither what it was, %s, nor what it was to be, %s", v.url, planned.Setting, v.value, planned.Before, planned.After))
		}
	}
	p := plugins.Probed{Applied: plugins.Partial, Left: fingerprint(planned.Setting, all)}
	p.Reason = fmt.Sprintf("%d of %d replicas run %s = %s", len(changed), len(planned.Replicas), planned.Setting, planned.After)
	switch len(changed) {
	case 0:
		p.Applied = plugins.None
		return p
	case len(planned.Replicas):
		p.Applied = plugins.All
	}
	planned.Replicas = changed
	if p.Receipt, err = json.Marshal(planned); err == nil {
		p.Outputs, err = json.Marshal(capability.ApplyOutput{
			Observed: s.observed(), Setting: planned.Setting, From: planned.Before, To: planned.After, Revision: p.Left, Live: p.Applied == plugins.All,
		})
	}
	if err != nil {
		return unknown(err.Error())
	}
	return p
}
