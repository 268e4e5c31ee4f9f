package kubernetes

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/firebreak-ops/firebreak/plugins"
)

// current reads the ConfigMap that the service runs with: the one of the
// configured name, or the one of a template whose name begins with it.
func (s *settings) current(ctx context.Context) (*corev1.ConfigMap, error) {
	at := &corev1.ConfigMap{}
	if s.ref.name == "" {
		return at, s.get(ctx, "configmaps", s.name, at)
	}
	runs, err := s.set(ctx, s.ref)
	if err != nil {
		return nil, err
	}
	name, err := s.namedBy(&runs.template)
	if err != nil {
		return nil, err
	}
	return at, s.get(ctx, "configmaps", name, at)
}

// namedBy is the one ConfigMap of ours that a template names.
func (s *settings) namedBy(t *corev1.PodTemplateSpec) (string, error) {
	var found []string
	eachConfigMap(t, func(name *string) {
		if (*name == s.name || strings.HasPrefix(*name, s.name+"-")) && !slices.Contains(found, *name) {
			found = append(found, *name)
		}
	})
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", plugins.Fail(plugins.NotFound, "the pods of %s use no ConfigMap %s or %s-SUFFIX", s.ref, s.name, s.name)
	}
	return "", plugins.Fail(plugins.Invalid, "the pods of %s use several: %s; which one is meant?", s.ref, strings.Join(found, ", "))
}

// eachConfigMap calls f with each place where a template names a ConfigMap.
func eachConfigMap(t *corev1.PodTemplateSpec, f func(name *string)) {
	for i := range t.Spec.Volumes {
		if c := t.Spec.Volumes[i].ConfigMap; c != nil {
			f(&c.Name)
		}
		if p := t.Spec.Volumes[i].Projected; p != nil {
			for j := range p.Sources {
				if c := p.Sources[j].ConfigMap; c != nil {
					f(&c.Name)
				}
			}
		}
	}
	for _, containers := range [][]corev1.Container{t.Spec.InitContainers, t.Spec.Containers} {
		for i := range containers {
			for j := range containers[i].EnvFrom {
				if c := containers[i].EnvFrom[j].ConfigMapRef; c != nil {
					f(&c.Name)
				}
			}
			for j := range containers[i].Env {
				if v := containers[i].Env[j].ValueFrom; v != nil && v.ConfigMapKeyRef != nil {
					f(&v.ConfigMapKeyRef.Name)
				}
			}
		}
	}
}
