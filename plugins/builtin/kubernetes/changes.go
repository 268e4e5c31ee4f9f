package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	// changesNote is the annotation that keeps our last changes of a
	// ConfigMap, which has no history of its own.
	changesNote = "firebreak/changes"
	maxNoted    = 20
	// maxSteps back are made through the server's memory.
	maxSteps = 100
)

// notedChange is one change of ours, with the value that it took away.
type notedChange struct {
	Call    string            `json:"call"`
	Setting string            `json:"setting"`
	Before  capability.Scalar `json:"before"`
	After   capability.Scalar `json:"after"`
	At      time.Time         `json:"at"`
	Title   string            `json:"title"`
	For     []string          `json:"approved_by,omitempty"`
}

// notedChanges are ours, newest first.
func notedChanges(c *corev1.ConfigMap) []notedChange {
	var all []notedChange
	if json.Unmarshal([]byte(c.Annotations[changesNote]), &all) != nil {
		return nil
	}
	return all
}

// version is what the service's settings were from one moment on.
type version struct {
	revision string
	at       time.Time
	author   string
	title    string
	place    place
	data     map[string]string
	ours     []notedChange
}

// changes lists what is known of the past. A ConfigMap that is changed in
// place has the server's memory of some minutes, and our own notes; one that
// is made anew for each change has the versions that are kept of the service.
func (s *settings) changes(ctx context.Context, call plugins.Call) (*capability.ChangesOutput, error) {
	in, err := capability.Input[capability.ChangesInput](call.Action, call.Input)
	if err != nil {
		return nil, err
	}
	at, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	out := &capability.ChangesOutput{Observed: observed(s.Resource()), Head: at.ResourceVersion}
	since := out.ObservedAt.Add(-in.Since.Std())
	past := s.remembered
	if isImmutable(at) && s.ref.name != "" {
		past = s.rolledOut
	}
	versions, err := past(ctx, at, since)
	if err != nil {
		return nil, err
	}
	var all []capability.Change
	for i := range len(versions) - 1 {
		all = append(all, versions[i].over(versions[i+1])...)
	}
	if len(versions) > 0 { // what was before is ours to tell
		for _, n := range versions[len(versions)-1].ours {
			all = append(all, n.change(s.name))
		}
	}
	slices.SortStableFunc(all, func(a, b capability.Change) int { return b.At.Compare(a.At) })
	for _, c := range all {
		if !c.At.Before(since) && (in.Setting == "" || c.Setting == in.Setting) && len(out.Changes) < in.Limit {
			out.Changes = append(out.Changes, c)
		}
	}
	return out, nil
}

// over lists what v changed over the version before it.
func (v version) over(was version) []capability.Change {
	var out []capability.Change
	before, after := v.place.all(was.data), v.place.all(v.data)
	names := maps.Clone(before)
	if names == nil {
		names = map[string]capability.Scalar{}
	}
	maps.Copy(names, after)
	for _, key := range slices.Sorted(maps.Keys(names)) {
		before, after := before[key], after[key]
		if before == after {
			continue
		}
		c := capability.Change{
			ID: v.revision + ":" + key, Setting: key, Before: before, After: after,
			At: v.at, Author: v.author, Title: v.title, Revision: v.revision,
		}
		for _, n := range v.ours {
			fresh := !slices.ContainsFunc(was.ours, func(o notedChange) bool { return o.Call == n.Call })
			if fresh && n.Setting == key && n.After == after {
				c = n.change(v.revision)
			}
		}
		out = append(out, c)
	}
	return out
}

// author is firebreak, for those who approved the change.
func (n notedChange) author() string {
	if len(n.For) == 0 {
		return manager
	}
	return manager + " for " + strings.Join(n.For, ", ")
}

func (n notedChange) change(revision string) capability.Change {
	return capability.Change{
		ID: n.Call + ":" + n.Setting, Setting: n.Setting, Before: n.Before, After: n.After,
		At: n.At, Author: n.author(), Title: n.Title, Revision: revision,
	}
}

// remembered goes back through what the server still knows of the object: it
// keeps what was written in the last five to ten minutes.
func (s *settings) remembered(ctx context.Context, at *corev1.ConfigMap, since time.Time) ([]version, error) {
	var all []version
	for range maxSteps {
		v := version{revision: at.ResourceVersion, place: s.place, data: at.Data, ours: notedChanges(at)}
		v.at, v.author = lastWrite(at)
		v.title = "ConfigMap " + at.Name + " was written by " + v.author
		all = append(all, v)
		if v.at.Before(since) {
			return all, nil
		}
		n, err := strconv.ParseUint(at.ResourceVersion, 10, 64)
		if err != nil || n < 2 { // no cluster whose versions are numbers
			return all, nil //nolint:nilerr // there is no more to know
		}
		before, known, err := s.before(ctx, at.Name, n-1)
		switch {
		case err != nil:
			return nil, err
		case !known:
			return all, nil
		case before == nil:
			return append(all, version{}), nil
		}
		at = before
	}
	return all, nil
}

// before reads the object as it was at a moment of the server's past; nil if
// there was none. It is not known once the server has forgotten that moment.
func (s *settings) before(ctx context.Context, name string, version uint64) (c *corev1.ConfigMap, known bool, err error) {
	var found corev1.ConfigMapList
	err = s.list(ctx, "configmaps", metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", name).String(),
		ResourceVersion: strconv.FormatUint(version, 10), ResourceVersionMatch: metav1.ResourceVersionMatchExact,
	}, &found)
	switch {
	case apierrors.IsResourceExpired(err), apierrors.IsGone(err), apierrors.IsBadRequest(err):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case len(found.Items) == 0:
		return nil, true, nil
	}
	return &found.Items[0], true, nil
}

// lastWrite is when an object was last written, in whole seconds, and by which
// program.
func lastWrite(o metav1.Object) (at time.Time, by string) {
	at, by = o.GetCreationTimestamp().UTC(), "unknown"
	for _, f := range o.GetManagedFields() {
		if f.Time != nil && !f.Time.UTC().Before(at) {
			at, by = f.Time.UTC(), f.Manager
		}
	}
	return at, by
}

// rolledOut are the ConfigMaps that the versions of the service name, as long
// as both are kept.
func (s *settings) rolledOut(ctx context.Context, _ *corev1.ConfigMap, _ time.Time) ([]version, error) {
	runs, err := s.set(ctx, s.ref)
	if err != nil {
		return nil, err
	}
	revisions, err := s.revisions(ctx, runs)
	if err != nil {
		return nil, err
	}
	var all []version
	for i, r := range revisions {
		name, err := s.namedBy(&r.template)
		if err != nil {
			continue // it had none
		}
		var c corev1.ConfigMap
		if err := s.get(ctx, "configmaps", name, &c); err != nil {
			if f := (*plugins.Failure)(nil); errors.As(err, &f) && f.Class == plugins.NotFound {
				break // what is behind it would be compared with the wrong one
			}
			return nil, err
		}
		v := version{revision: name, place: s.place, at: r.at, data: c.Data, title: fmt.Sprintf("Revision %d of %s", r.number, s.ref)}
		if _, v.author = lastWrite(&c); r.object.GetAnnotations()[causeNote] != "" {
			v.title = r.object.GetAnnotations()[causeNote]
		}
		v.ours = notedChanges(&c)
		if i > 0 && len(all) > 0 && all[len(all)-1].at.Before(v.at) {
			// The newer revision went back to one that had been made before.
			all[len(all)-1].at = runs.progressed
			if v.at.After(runs.progressed) {
				all[len(all)-1].at = v.at
			}
		}
		all = append(all, v)
	}
	return all, nil
}

// causeNote is where people say why they roll a version out.
const causeNote = "kubernetes.io/change-cause"
