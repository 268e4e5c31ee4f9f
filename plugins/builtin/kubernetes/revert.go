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

	appsv1 "k8s.io/api/apps/v1"
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
	from, to *appsv1.ReplicaSet
	within   time.Duration
}

func (r reverting) none() bool { return r.from.UID == r.to.UID }

func (r reverting) receipt() capability.RevertReceipt {
	return capability.RevertReceipt{Before: r.from.Name, After: r.to.Name}
}

// fingerprint of what a rollback overwrites.
func templateFingerprint(d *appsv1.Deployment) string {
	return plugins.Fingerprint(plain(&d.Spec.Template))
}

// lastGood is the version to go back to when none is named: the newest one
// that still has ready pods, or else the one before. Nil if there is none.
func (f *fleet) lastGood() *appsv1.ReplicaSet {
	var before *appsv1.ReplicaSet
	newest := f.newest()
	for i := range f.sets {
		set := &f.sets[i]
		if set == newest {
			continue
		}
		if set.Status.ReadyReplicas > 0 {
			return set
		}
		if before == nil {
			before = set
		}
	}
	return before
}

func (f *fleet) workOut(call plugins.Call) (r reverting, err error) {
	if call.Expect != "" && call.Expect != templateFingerprint(f.deployment) {
		return r, drift("Deployment %s is at another version than when this was planned", f.deployment.Name)
	}
	if r.from = f.newest(); r.from == nil {
		return r, plugins.Fail(plugins.Conflict, "Deployment %s was changed just now, and its controller has not followed yet; try again", f.deployment.Name)
	}
	if len(bytes.TrimSpace(call.Receipt)) > 0 {
		var receipt capability.RevertReceipt
		if err := json.Unmarshal(call.Receipt, &receipt); err != nil || receipt.Before == "" {
			return r, plugins.Fail(plugins.Invalid, "this is not a receipt of workload.rollback: %s", call.Receipt)
		}
		if r.from.Name != receipt.After {
			return r, drift("Deployment %s is at %s now, not at %s: somebody changed it since", f.deployment.Name, r.from.Name, receipt.After)
		}
		return r, f.find(&r, receipt.Before, func(s *appsv1.ReplicaSet) bool { return s.Name == receipt.Before })
	}
	in, err := capability.Input[capability.RevertInput](call.Action, call.Input)
	if err != nil {
		return r, err
	}
	r.within = in.ReadyWithin.Std()
	if err := rollsAllAtOnce(f.deployment, in.AllAtOnce); err != nil {
		return r, err
	}
	if in.Revision == "" {
		if r.to = f.lastGood(); r.to == nil {
			return r, plugins.Fail(plugins.NotFound, "Deployment %s has no earlier revision; does its revisionHistoryLimit keep any?", f.deployment.Name)
		}
		return r, nil
	}
	return r, f.find(&r, in.Revision, func(s *appsv1.ReplicaSet) bool { return strconv.Itoa(revision(s)) == in.Revision })
}

func (f *fleet) find(r *reverting, name string, is func(*appsv1.ReplicaSet) bool) error {
	for i := range f.sets {
		if is(&f.sets[i]) {
			r.to = &f.sets[i]
			return nil
		}
	}
	return plugins.Fail(plugins.NotFound, "Deployment %s keeps no revision %s; workload.status lists those that it keeps", f.deployment.Name, name)
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
	detail, err := diff(&r.from.Spec.Template, &r.to.Spec.Template)
	if err != nil {
		return plugins.Plan{}, err
	}
	detail = fmt.Sprintf("revision %d (%s) back to revision %d (%s, of %s):\n%s", revision(r.from), r.from.Name,
		revision(r.to), r.to.Name, r.to.CreationTimestamp.UTC().Format(time.RFC3339), detail)
	binding, err := plugins.Canonical(map[string]any{"resource": w.Resource(), "from": r.from.Name, "to": r.to.Name})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(r.receipt())
	p := plugins.Plan{
		Binding: binding, Detail: detail, Fingerprint: templateFingerprint(f.deployment), Undo: undo, Resource: w.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "replicas", Affected: desired(f.deployment), Total: desired(f.deployment)},
	}
	if r.none() {
		p.BlastRadius.Affected = 0
		p.Detail = fmt.Sprintf("Deployment %s is at revision %d already: nothing to do\n", w.deployment, revision(r.to))
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
	out := plugins.Outcome{Applied: plugins.All, Left: templateFingerprint(f.deployment)}
	if r.none() {
		out.Applied = plugins.None
	} else if out.Receipt, err = json.Marshal(r.receipt()); err != nil {
		out.Failure = plugins.AsFailure(err)
		return out
	}
	toName := strconv.Itoa(revision(r.to))
	to.Log("info", fmt.Sprintf("Deployment %s: revision %d back to revision %s", w.deployment, revision(r.from), toName))
	f = w.await(ctx, call.Stop, r.within, f, to, func(f *fleet) (int, bool) {
		newest := f.newest()
		return f.countReady(), newest != nil && newest.UID == r.to.UID && f.complete()
	})
	out.Outputs, err = json.Marshal(capability.RevertOutput{
		Observed: observed(w.Resource()), From: strconv.Itoa(revision(r.from)), To: toName,
		Revision: strconv.Itoa(revision(f.deployment)), Complete: f.complete(),
	})
	out.Failure = plugins.AsFailure(err)
	return out
}

// land writes the earlier template, unless the one that it overwrites is no
// longer what it was. Of the Deployment's other fields none is touched.
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
		notes := maps.Clone(f.deployment.Annotations)
		if notes == nil {
			notes = map[string]string{}
		}
		notes[callNote], notes[approvedNote] = call.ID, strings.Join(call.Origin.ApprovedBy, ", ")
		var now appsv1.Deployment
		err = w.patch(ctx, types.JSONPatchType, "deployments", w.deployment, "", []map[string]any{
			{"op": "replace", "path": "/metadata/resourceVersion", "value": f.deployment.ResourceVersion},
			{"op": "replace", "path": "/spec/template", "value": plain(&r.to.Spec.Template)},
			{"op": "add", "path": "/metadata/annotations", "value": notes},
		}, &now)
		if err == nil {
			f.deployment = &now
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
				to.Progress(n, desired(f.deployment), fmt.Sprintf("%d of %d pods are ready", n, desired(f.deployment)))
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
		return plugins.Probed{}, fmt.Errorf("the controller of Deployment %s has not made its version yet", w.deployment)
	}
	ours := f.deployment.Annotations[callNote] == call.ID
	p := plugins.Probed{Applied: plugins.None, Left: templateFingerprint(f.deployment), Reason: fmt.Sprintf("Deployment %s is at %s", w.deployment, at.Name)}
	switch {
	case at.Name == planned.After && ours && planned.Before != planned.After:
		p.Applied = plugins.All
		if p.Receipt, err = json.Marshal(planned); err != nil {
			return p, err
		}
		p.Outputs, err = json.Marshal(capability.RevertOutput{
			Observed: observed(w.Resource()), From: planned.Before, To: planned.After,
			Revision: strconv.Itoa(revision(f.deployment)), Complete: f.complete(),
		})
	case at.Name == planned.After && planned.Before != planned.After:
		p.Reason += ", but its last change is not of this call: somebody else made it"
	case at.Name != planned.Before:
		p = plugins.Probed{Applied: plugins.Unknown, Reason: fmt.Sprintf("Deployment %s is at %s: neither where it was, %s, nor where it was to be, %s", w.deployment, at.Name, planned.Before, planned.After)}
	}
	return p, err
}
