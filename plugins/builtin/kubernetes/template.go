package kubernetes

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// sameTemplate compares what pods are made from, without the hash that the
// controller adds.
func sameTemplate(a, b *corev1.PodTemplateSpec) bool {
	return equality.Semantic.DeepEqual(plain(a), plain(b))
}

// plain is a template as its author wrote it.
func plain(t *corev1.PodTemplateSpec) *corev1.PodTemplateSpec {
	out := t.DeepCopy()
	delete(out.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return out
}

// diff lists, line by line, in what two templates differ.
func diff(before, after *corev1.PodTemplateSpec) (string, error) {
	was, err := leaves(plain(before))
	if err != nil {
		return "", err
	}
	is, err := leaves(plain(after))
	if err != nil {
		return "", err
	}
	all := maps.Clone(was)
	maps.Copy(all, is)
	var out strings.Builder
	for _, path := range slices.Sorted(maps.Keys(all)) {
		old, had := was[path]
		now, has := is[path]
		if old == now && had == has {
			continue
		}
		if had {
			fmt.Fprintf(&out, "- %s: %s\n", path, old)
		}
		if has {
			fmt.Fprintf(&out, "+ %s: %s\n", path, now)
		}
	}
	return out.String(), nil
}

// leaves are the values of a template by the way to them. The items of a list
// go by their name where they have one.
func leaves(t *corev1.PodTemplateSpec) (map[string]string, error) {
	raw, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	out := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				walk(strings.TrimPrefix(path+"."+key, "."), value)
			}
		case []any:
			for i, item := range v {
				name := fmt.Sprint(i)
				if m, ok := item.(map[string]any); ok && m["name"] != nil {
					name = fmt.Sprint(m["name"])
				}
				walk(path+"["+name+"]", item)
			}
		case nil: // creationTimestamp, for one
		default:
			out[path] = fmt.Sprint(v)
		}
	}
	walk("", doc)
	return out, nil
}
