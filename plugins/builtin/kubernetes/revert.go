package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	// callNote is the annotation that names the call which last changed the
	// object, so that a probe can tell our work from another's.
	callNote = "firebreak/call"
	// approvedNote is the annotation that names who approved it.
	approvedNote = "firebreak/approved-by"
	// tries is how often a write is tried again whose object changed in
	// between, while what it overwrites is as it was.
	tries = 10
)

// reverting is a rollback worked out against the fleet as it is.
type reverting struct {
	from, to *revision
	within   time.Duration
	chosen   bool // by which still serves: nobody has named it
}

func (r reverting) none() bool { return r.from.name == r.to.name }

func (r reverting) receipt() capability.RevertReceipt {
	return capability.RevertReceipt{Before: r.from.name, After: r.to.name}
}

// goesTo stands in a fingerprint before the version that was chosen.
const goesTo = " to "

// fingerprint is of what a rollback overwrites and, where nobody has named what
// it goes back to, of that: another may be the last good one a moment later.
func (r reverting) fingerprint(s *set) string {
	if !r.chosen {
		return s.fingerprint()
	}
	return s.fingerprint() + goesTo + r.to.name
}

// lastGood is the version to go back to when none is named: the newest one
// that still has ready pods, or else the one before. Nil if there is none.
func (f *fleet) lastGood() *revision {
	var before *revision
	newest := f.newest()
	for i := range f.revisions {
		r := &f.revisions[i]
		if r == newest {
			continue
		}
		if r.ready > 0 {
			return r
		}
		if before == nil {
			before = r
		}
	}
	return before
}

func (f *fleet) workOut(call plugins.Call) (r reverting, err error) {
	at, shown, isChosen := strings.Cut(call.Expect, goesTo)
	if call.Expect != "" && at != f.set.fingerprint() {
		return r, drift("%s is at another version than when this was planned", f.set.ref)
	}
	if r.from = f.newest(); r.from == nil {
		return r, plugins.Fail(plugins.Conflict, "%s was changed just now, and its controller has not followed yet; try again", f.set.ref)
	}
	if len(bytes.TrimSpace(call.Receipt)) > 0 {
		var receipt capability.RevertReceipt
		if err := json.Unmarshal(call.Receipt, &receipt); err != nil || receipt.Before == "" {
			return r, plugins.Fail(plugins.Invalid, "this is not a receipt of workload.rollback: %s", call.Receipt)
		}
		if r.from.name != receipt.After {
			return r, drift("%s is at %s now, not at %s: somebody changed it since", f.set.ref, r.from.name, receipt.After)
		}
		return r, f.find(&r, receipt.Before, func(kept *revision) bool { return kept.name == receipt.Before })
	}
	in, err := capability.Input[capability.RevertInput](call.Action, call.Input)
	if err != nil {
		return r, err
	}
	r.within = in.ReadyWithin.Std()
	if err := f.set.rollsAllAtOnce(in.AllAtOnce); err != nil {
		return r, err
	}
	if in.Revision == "" {
		if r.to, r.chosen = f.lastGood(), true; r.to == nil {
			return r, plugins.Fail(plugins.NotFound, "%s has no earlier revision; does its revisionHistoryLimit keep any?", f.set.ref)
		}
		if isChosen && shown != r.to.name {
			return r, drift("%s is the last good version of %s now, and not %s, as when this was planned", r.to.name, f.set.ref, shown)
		}
		return r, nil
	}
	return r, f.find(&r, in.Revision, func(kept *revision) bool { return strconv.Itoa(kept.number) == in.Revision })
}

func (f *fleet) find(r *reverting, name string, is func(*revision) bool) error {
	for i := range f.revisions {
		if is(&f.revisions[i]) {
			r.to = &f.revisions[i]
			return nil
		}
	}
	return plugins.Fail(plugins.NotFound, "%s keeps no revision %s; workload.status lists those that it keeps", f.set.ref, name)
}

func (w *workload) planRevert(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	f, err := w.fleet(ctx)
	if err != nil {
		return plugins.Plan{}, err
	}
	r, err := f.workOut(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	detail, err := diff(&r.from.template, &r.to.template)
	if err != nil {
		return plugins.Plan{}, err
	}
	detail = fmt.Sprintf("revision %d (%s) back to revision %d (%s, of %s):\n%s%s", r.from.number, r.from.name,
		r.to.number, r.to.name, r.to.at.Format(time.RFC3339), f.set.reach(), detail)
	binding, err := plugins.Canonical(map[string]any{"resource": w.Resource(), "from": r.from.name, "to": r.to.name})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(r.receipt())
	p := plugins.Plan{
		Binding: binding, Detail: detail, Fingerprint: r.fingerprint(f.set), Undo: undo, Resource: w.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "replicas", Affected: f.set.replicas, Total: f.set.replicas},
	}
	if r.none() {
		p.BlastRadius.Affected = 0
		p.Detail = fmt.Sprintf("%s is at revision %d already: nothing to do\n", w.ref, r.to.number)
	}
	return p, err
}

func (w *workload) revert(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	r, f, err := w.land(ctx, call)
	switch {
	case err != nil && lost(err):
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.Unknown}
	case err != nil:
		return failed(err)
	}
	out := plugins.Outcome{Applied: plugins.All, Left: f.set.fingerprint()}
	if r.none() {
		out.Applied = plugins.None
	} else if out.Receipt, err = json.Marshal(r.receipt()); err != nil {
		out.Failure = plugins.AsFailure(err)
		return out
	}
	to.Log("info", fmt.Sprintf("%s: revision %d back to revision %d", w.ref, r.from.number, r.to.number))
	w.unblock(ctx, f, r.to, to)
	if f.set.onDelete {
		r.within = 0 // nothing would come of it
	}
	f = w.await(ctx, call.Stop, r.within, f, to, func(f *fleet) (int, bool) {
		newest := f.newest()
		if newest == nil || newest.name != r.to.name {
			return f.countReady(), false
		}
		w.unblock(ctx, f, newest, to)
		return f.countReady(), f.set.complete
	})
	out.Outputs, err = json.Marshal(capability.RevertOutput{
		Observed: observed(w.Resource()), From: strconv.Itoa(r.from.number), To: strconv.Itoa(r.to.number),
		Revision: strconv.Itoa(f.number()), Complete: f.set.complete,
	})
	out.Failure = plugins.AsFailure(err)
	return out
}

// unblock asks for the end of those of a StatefulSet's pods that are of another
// version and do not serve: its controller waits for them first, for ever.
func (w *workload) unblock(ctx context.Context, f *fleet, at *revision, to plugins.Stream) {
	if f.set.kind != statefulSets || f.set.onDelete {
		return
	}
	for i := range f.pods {
		pod := &f.pods[i]
		if at.made(pod) || ready(pod) || ordinal(pod) < f.set.kept {
			continue
		}
		if err := w.evict(ctx, pod); err == nil {
			to.Log("info", pod.Name+" is of the revision that was left, and not ready: evicted, since the controller waits for it")
		} else if !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			to.Log("warn", fmt.Sprintf("%s holds up the rollout, and cannot be evicted now: %v", pod.Name, err))
		}
	}
}

// land writes the earlier template, unless the one that it overwrites is no
// longer what it was. Of the other fields none is touched.
func (w *workload) land(ctx context.Context, call plugins.Call) (r reverting, f *fleet, err error) {
	for range tries {
		if stopped(call.Stop) {
			return r, nil, plugins.Fail(plugins.Cancelled, "stopped before anything was changed")
		}
		if f, err = w.fleet(ctx); err != nil {
			return r, nil, plugins.AsFailure(err) // nothing was written: not lost
		}
		if r, err = f.workOut(call); err != nil || r.none() {
			return r, f, err
		}
		notes := maps.Clone(f.set.meta.Annotations)
		if notes == nil {
			notes = map[string]string{}
		}
		notes[callNote], notes[approvedNote] = call.ID, strings.Join(call.Origin.ApprovedBy, ", ")
		err = w.patch(ctx, types.JSONPatchType, w.ref.resource, w.ref.name, "", []map[string]any{
			{"op": "replace", "path": "/metadata/resourceVersion", "value": f.set.meta.ResourceVersion},
			{"op": "replace", "path": "/spec/template", "value": plain(&r.to.template)},
			{"op": "add", "path": "/metadata/annotations", "value": notes},
		}, nil)
		if err == nil {
			f.set.template, f.set.complete = r.to.template, false
			return r, f, nil
		}
		if !apierrors.IsConflict(err) {
			return r, f, err
		}
	}
	return r, f, err
}

// await looks until done, the time is over or stop is closed, and returns what
// it saw last. A look that fails is taken again.
func (w *workload) await(ctx context.Context, stop <-chan struct{}, d time.Duration, f *fleet, to plugins.Stream, done func(*fleet) (int, bool)) *fleet {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	said := -1
	for !stopped(stop) && ctx.Err() == nil {
		if now, err := w.fleet(ctx); err == nil {
			f = now
			n, ok := done(f)
			if n != said {
				said = n
				to.Progress(n, f.set.replicas, fmt.Sprintf("%d of %d pods are ready", n, f.set.replicas))
			}
			if ok {
				return f
			}
		}
		pause(ctx, poll)
	}
	return f
}

func (w *workload) probeRevert(ctx context.Context, call plugins.Call, undo json.RawMessage) (plugins.Probed, error) {
	var planned capability.RevertReceipt
	if err := json.Unmarshal(undo, &planned); err != nil || planned.Before == "" {
		return plugins.Probed{}, errors.New("the plan left no receipt to look by")
	}
	f, err := w.fleet(ctx)
	if err != nil {
		return plugins.Probed{}, err
	}
	at := f.newest()
	if at == nil {
		return plugins.Probed{}, fmt.Errorf("the controller of %s has not made its version yet", w.ref)
	}
	ours := f.set.meta.Annotations[callNote] == call.ID
	p := plugins.Probed{Applied: plugins.None, Left: f.set.fingerprint(), Reason: fmt.Sprintf("%s is at %s", w.ref, at.name)}
	switch {
	case at.name == planned.After && ours && planned.Before != planned.After:
		p.Applied = plugins.All
		if p.Receipt, err = json.Marshal(planned); err != nil {
			return p, err
		}
		p.Outputs, err = json.Marshal(capability.RevertOutput{
			Observed: observed(w.Resource()), From: planned.Before, To: planned.After,
			Revision: strconv.Itoa(at.number), Complete: f.set.complete,
		})
	case at.name == planned.After && planned.Before != planned.After:
		p.Reason += ", but its last change is not of this call: somebody else made it"
	case at.name != planned.Before:
		p = plugins.Probed{Applied: plugins.Unknown, Reason: fmt.Sprintf("%s is at %s: neither where it was, %s, nor where it was to be, %s", w.ref, at.name, planned.Before, planned.After)}
	}
	return p, err
}
