package service

import (
	"bytes"
	"encoding/json"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// value turns a plugin's own YAML into what JSON can say. key is the nearest
// key above it.
func (r *reader) value(key string, n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		return r.mapping(n)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = r.value(key, item)
		}
		return list
	default:
		return r.scalar(key, n)
	}
}

func (r *reader) scalar(key string, n *yaml.Node) any {
	if r.literal(key, n) {
		return nil
	}
	v, ok := r.file.Literal(n)
	if ok && v == nil && n.Value == "" {
		r.addf(runbook.PosOf(n), "empty", "give it a value, write null, or remove the key", "%.80s is empty", key)
	}
	return v
}

func (r *reader) mapping(n *yaml.Node) any {
	m := make(map[string]any, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Value == "secret" {
			return map[string]any{"secret": r.secret(n, v)}
		}
		m[k.Value] = r.value(k.Value, v)
	}
	return m
}

// canonical writes one value in one way: keys sorted, no HTML escapes.
func canonical(config map[string]any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(config); err != nil {
		return nil // unreachable: value makes only what JSON can say
	}
	return bytes.TrimSpace(b.Bytes())
}
