package kubernetes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func (s *settings) Plan(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	o, err := s.orderOf(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	at, err := s.current(ctx)
	if err != nil {
		return plugins.Plan{}, err
	}
	was, err := s.place.value(at.Data, o.Setting)
	if err != nil {
		return plugins.Plan{}, err
	}
	if _, err := s.place.with(at.Data, o.Setting, o.To); err != nil {
		return plugins.Plan{}, err
	}
	if err := o.check(was, call.Expect); err != nil {
		return plugins.Plan{}, err
	}
	if err := s.writable(at); err != nil {
		return plugins.Plan{}, err
	}
	if isImmutable(at) {
		if _, err := s.rolls(ctx, at, o); err != nil {
			return plugins.Plan{}, err
		}
	}
	binding, err := plugins.Canonical(capability.SettingsBinding{Resource: s.Resource(), Setting: o.Setting, From: &was, To: o.To})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(capability.SettingsReceipt{Setting: o.Setting, Before: was, After: o.To, Revision: at.ResourceVersion})
	p := plugins.Plan{
		Binding: binding, Fingerprint: fingerprint(o.Setting, was), Undo: undo, Resource: s.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "settings", Affected: 1}, Detail: difference(at, o, was) + s.consequence(at),
	}
	if was == o.To {
		p.BlastRadius.Affected = 0
		p.Detail = fmt.Sprintf("%s is %s already: nothing to write\n", o.Setting, was)
	}
	return p, err
}

func difference(at *corev1.ConfigMap, o order, was capability.Scalar) string {
	text := "ConfigMap " + at.Name + ":\n"
	if o.place != "" {
		text = fmt.Sprintf("ConfigMap %s, in %s, of which nothing else changes:\n", at.Name, o.place)
	}
	if !was.IsNull() {
		text += fmt.Sprintf("- %s: %s\n", o.Setting, was)
	}
	if !o.To.IsNull() {
		text += fmt.Sprintf("+ %s: %s\n", o.Setting, o.To)
	}
	return text
}

// consequence says what becomes of the pods.
func (s *settings) consequence(at *corev1.ConfigMap) string {
	if isImmutable(at) {
		return fmt.Sprintf("a new immutable ConfigMap is made, and %s rolls it out as its strategy says\n", s.ref)
	}
	return "no pod is restarted: those that read their settings at the start keep the old value until then\n"
}

func (s *settings) writable(at *corev1.ConfigMap) error {
	if isImmutable(at) && s.ref.name == "" {
		return plugins.Fail(plugins.Invalid, "ConfigMap %s is immutable: add deployment or statefulset to the settings section, so that a new one can be rolled out in its place", at.Name)
	}
	return nil
}

// write performs settings.apply and settings.rollback.
func (s *settings) write(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	o, err := s.orderOf(call)
	if err == nil && s.access == plugins.Read {
		err = plugins.Fail(plugins.Denied, "%s changes a setting, and this binding may only read", call.Action)
	}
	if err != nil {
		return failed(err)
	}
	was, at, err := s.land(ctx, call, o)
	switch {
	case err != nil && lost(err):
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.Unknown}
	case err != nil:
		return failed(err)
	}
	out := plugins.Outcome{Applied: plugins.None, Left: fingerprint(o.Setting, o.To)}
	if was != o.To {
		out.Applied = plugins.All
		if out.Receipt, err = json.Marshal(capability.SettingsReceipt{Setting: o.Setting, Before: was, After: o.To, Revision: at.ResourceVersion}); err != nil {
			out.Failure = plugins.AsFailure(err)
			return out
		}
		to.Log("info", fmt.Sprintf("ConfigMap %s: %s", at.Name, o.Title(was)))
	}
	live, err := s.live(ctx, call.Stop, o.LiveWithin, at, to)
	if err != nil {
		to.Log("warn", fmt.Sprintf("whether %s is live was not seen: %v", o.Setting, err))
	}
	out.Outputs, err = json.Marshal(capability.ApplyOutput{
		Observed: observed(s.Resource()), Setting: o.Setting, From: was, To: o.To, Revision: at.ResourceVersion, Live: live,
	})
	out.Failure = plugins.AsFailure(err)
	return out
}

// land writes the setting, unless its value is no longer what it was. A write
// of another setting in between does no harm: it is worked out again.
func (s *settings) land(ctx context.Context, call plugins.Call, o order) (was capability.Scalar, at *corev1.ConfigMap, err error) {
	for range tries {
		if stopped(call.Stop) {
			return was, nil, plugins.Fail(plugins.Cancelled, "stopped before anything was written")
		}
		if at, err = s.current(ctx); err != nil {
			return was, nil, plugins.AsFailure(err) // nothing was written: not lost
		}
		if was, err = s.place.value(at.Data, o.Setting); err != nil {
			return was, nil, err
		}
		if err = o.check(was, call.Expect); err == nil {
			err = s.writable(at)
		}
		if err != nil || was == o.To {
			return was, at, err
		}
		note, err := noteOf(at, o, was)
		if err != nil {
			return was, at, err
		}
		put := s.apply
		if isImmutable(at) {
			put = s.replace
		}
		now, err := put(ctx, at, o, note)
		if err == nil || !apierrors.IsConflict(err) {
			return was, now, err
		}
	}
	return was, at, plugins.Fail(plugins.Conflict, "ConfigMap %s is written by others all the time; nothing was written in %d tries", at.Name, tries)
}

// noteOf is the annotation with this change before the others of ours.
func noteOf(at *corev1.ConfigMap, o order, was capability.Scalar) (string, error) {
	all := append([]notedChange{{
		Call: o.call, Setting: o.Setting, Before: was, After: o.To, At: time.Now().UTC(), Title: o.Title(was), For: o.approvedBy,
	}}, notedChanges(at)...)
	raw, err := json.Marshal(all[:min(len(all), maxNoted)])
	return string(raw), err
}

// apply changes a ConfigMap in place: a server-side apply of the settings that
// are ours, at the version that was read. What is ours and left out is taken
// out, so that those of earlier changes are said again.
func (s *settings) apply(ctx context.Context, at *corev1.ConfigMap, o order, note string) (*corev1.ConfigMap, error) {
	data := map[string]string{}
	for key := range applied(at) {
		if text, ok := at.Data[key]; ok {
			data[key] = text
		}
	}
	now := &corev1.ConfigMap{}
	body := map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{
			"name": at.Name, "namespace": at.Namespace, "uid": at.UID, "resourceVersion": at.ResourceVersion,
			"annotations": map[string]string{changesNote: note},
		},
		"data": data,
	}
	changed, err := s.place.with(at.Data, o.Setting, o.To)
	if err != nil {
		return at, plugins.AsFailure(err)
	}
	key := s.place.key(o.Setting)
	if text, ok := changed[key]; ok {
		data[key] = text
		return now, s.patch(ctx, types.ApplyPatchType, "configmaps", at.Name, "", body, now)
	}
	// A setting that others share is not theirs to lose by an apply of ours:
	// it is taken out by name.
	body["data"] = map[string]any{key: nil}
	return now, s.patch(ctx, types.MergePatchType, "configmaps", at.Name, "", body, now)
}

// applied are the settings that our applies own.
func applied(c *corev1.ConfigMap) map[string]bool {
	out := map[string]bool{}
	for _, f := range c.ManagedFields {
		if f.Manager != manager || f.Operation != metav1.ManagedFieldsOperationApply || f.FieldsV1 == nil {
			continue
		}
		var owned struct {
			Data map[string]any `json:"f:data"`
		}
		if json.Unmarshal(f.FieldsV1.GetRawBytes(), &owned) != nil {
			continue
		}
		for key := range maps.Keys(owned.Data) {
			if len(key) > 2 && key[:2] == "f:" {
				out[key[2:]] = true
			}
		}
	}
	return out
}

// replace makes a new immutable ConfigMap and points the template to it. Its
// name says what is in it, so that going back comes to the one that was.
func (s *settings) replace(ctx context.Context, at *corev1.ConfigMap, o order, note string) (*corev1.ConfigMap, error) {
	data, err := s.place.with(at.Data, o.Setting, o.To)
	if err != nil {
		return at, plugins.AsFailure(err)
	}
	raw, err := json.Marshal([]any{data, at.BinaryData})
	if err != nil {
		return at, err
	}
	sum := sha256.Sum256(raw)
	next := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name: s.name + "-" + hex.EncodeToString(sum[:5]), Namespace: s.namespace, Labels: at.Labels,
			Annotations: map[string]string{changesNote: note},
		},
		Immutable: new(true), Data: data, BinaryData: at.BinaryData,
	}
	runs, err := s.rolls(ctx, at, o)
	if err != nil {
		return at, plugins.AsFailure(err)
	}
	now := &corev1.ConfigMap{}
	err = s.create(ctx, "configmaps", next, now)
	if apierrors.IsAlreadyExists(err) {
		err = s.takeUp(ctx, next, now)
	}
	if err != nil {
		return at, plugins.AsFailure(err) // nothing runs it: as good as not written
	}
	eachConfigMap(&runs.template, func(name *string) {
		if *name == at.Name {
			*name = next.Name
		}
	})
	return now, s.patch(ctx, types.JSONPatchType, s.ref.resource, s.ref.name, "", []map[string]any{
		{"op": "replace", "path": "/metadata/resourceVersion", "value": runs.meta.ResourceVersion},
		{"op": "replace", "path": "/spec/template", "value": runs.template},
	}, nil)
}

// takeUp notes the change on the ConfigMap that has the name of next already,
// as where a change is gone back to: its settings must be the same.
func (s *settings) takeUp(ctx context.Context, next, now *corev1.ConfigMap) error {
	if err := s.get(ctx, "configmaps", next.Name, now); err != nil {
		return err
	}
	if !equality.Semantic.DeepEqual(now.Data, next.Data) || !equality.Semantic.DeepEqual(now.BinaryData, next.BinaryData) {
		return plugins.Fail(plugins.Conflict, "ConfigMap %s is there already, and holds something else: see who made it, delete it, and try again", next.Name)
	}
	return s.patch(ctx, types.MergePatchType, "configmaps", next.Name, "", map[string]any{
		"metadata": map[string]any{"resourceVersion": now.ResourceVersion, "annotations": map[string]string{changesNote: next.Annotations[changesNote]}},
	}, now)
}

// rolls reads what would roll out another ConfigMap than at.
func (s *settings) rolls(ctx context.Context, at *corev1.ConfigMap, o order) (*set, error) {
	runs, err := s.set(ctx, s.ref)
	if err != nil {
		return nil, err
	}
	// Between the two reads somebody may have rolled out another one.
	if name, err := s.namedBy(&runs.template); err != nil || name != at.Name {
		return nil, errors.Join(err, drift("%s was changed just now", s.ref))
	}
	return runs, runs.rollsAllAtOnce(o.AllAtOnce)
}

// Probe looks for the call's own note, and else at the value. A value that is
// as the call wanted it, without its note, is somebody else's work: an undo
// must leave it alone.
func (s *settings) Probe(ctx context.Context, call plugins.Call, undo json.RawMessage) plugins.Probed {
	p, err := s.probe(ctx, call, undo)
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	return p
}

func (s *settings) probe(ctx context.Context, call plugins.Call, undo json.RawMessage) (plugins.Probed, error) {
	var planned capability.SettingsReceipt
	if err := json.Unmarshal(undo, &planned); err != nil || planned.Setting == "" {
		return plugins.Probed{}, fmt.Errorf("the plan of call %s left no receipt to look by", call.ID)
	}
	at, err := s.current(ctx)
	if err != nil {
		return plugins.Probed{}, err
	}
	now, err := s.place.value(at.Data, planned.Setting)
	if err != nil {
		return plugins.Probed{}, err
	}
	p := plugins.Probed{Applied: plugins.None, Left: fingerprint(planned.Setting, now), Reason: fmt.Sprintf("%s is %s", planned.Setting, now)}
	for _, n := range notedChanges(at) {
		if n.Call != call.ID || n.Setting != planned.Setting {
			continue
		}
		p.Applied, p.Reason, planned.Revision = plugins.All, "ConfigMap "+at.Name+" says that this call wrote it", at.ResourceVersion
		p.Left = fingerprint(planned.Setting, planned.After)
		if p.Receipt, err = json.Marshal(planned); err != nil {
			return p, err
		}
		p.Outputs, err = json.Marshal(capability.ApplyOutput{
			Observed: observed(s.Resource()), Setting: planned.Setting, From: planned.Before, To: planned.After, Revision: at.ResourceVersion,
		})
		return p, err
	}
	switch now {
	case planned.Before:
	case planned.After:
		p.Reason += ", and nothing says that this call wrote it: somebody else did"
	default:
		p = plugins.Probed{Applied: plugins.Unknown, Reason: fmt.Sprintf("%s is %s: neither what it was, %s, nor what it was to be, %s", planned.Setting, now, planned.Before, planned.After)}
	}
	return p, nil
}
