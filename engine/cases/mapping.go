package cases

import (
	"bytes"
	"encoding/json"
	"slices"

	"gopkg.in/yaml.v3"
)

// mapping is a YAML mapping in the making: entries in their order.
type mapping []entry

// lines are texts, one to a line.
type lines []string

type entry struct {
	key   string
	value any // what JSON has, JSON itself, a mapping or a list of them
}

func (m *mapping) add(key string, value any) { *m = append(*m, entry{key, value}) }

// addText adds a text that is not empty.
func (m *mapping) addText(key, text string) {
	if text != "" {
		m.add(key, text)
	}
}

func (m mapping) get(key string) any {
	for _, e := range m {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

func (m mapping) without(keys ...string) mapping {
	return slices.DeleteFunc(slices.Clone(m), func(e entry) bool { return slices.Contains(keys, e.key) })
}

// yaml is the mapping as a file.
func (m mapping) yaml() []byte {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(m.node()); err != nil {
		return nil // cannot be: it is made of what YAML has
	}
	return b.Bytes()
}

func (m mapping) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, e := range m {
		n.Content = append(n.Content, text(e.key), nodeOf(e.value))
	}
	if len(m) == 0 {
		n.Style = yaml.FlowStyle
	}
	return n
}

func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	if slices.ContainsFunc([]byte(s), func(c byte) bool { return c < ' ' }) {
		n.Style = yaml.DoubleQuotedStyle // one line, whatever is in it
	}
	return n
}

func nodeOf(v any) *yaml.Node {
	switch v := v.(type) {
	case mapping:
		return v.node()
	case []mapping:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, m := range v {
			n.Content = append(n.Content, m.node())
		}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	case string:
		return text(v)
	case lines:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, s := range v {
			n.Content = append(n.Content, text(s))
		}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	case []string:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, s := range v {
			n.Content = append(n.Content, text(s))
		}
		return n
	case json.RawMessage:
		return jsonNode(v)
	case map[string]json.RawMessage:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range sortedKeys(v) {
			n.Content = append(n.Content, text(name), jsonNode(v[name]))
		}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	default:
		return jsonNode(rawOf(v))
	}
}

// jsonNode is JSON as YAML: mappings one entry to a line, in the order of
// their names; lists of plain values in one.
func jsonNode(raw json.RawMessage) *yaml.Node {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
	return treeNode(v)
}

func treeNode(v any) *yaml.Node {
	switch v := v.(type) {
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	case string:
		return text(v)
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: map[bool]string{true: "true", false: "false"}[v]}
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, item := range v {
			child := treeNode(item)
			if child.Kind != yaml.ScalarNode {
				n.Style = 0
			}
			n.Content = append(n.Content, child)
		}
		return n
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range sortedKeys(v) {
			n.Content = append(n.Content, text(name), treeNode(v[name]))
		}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	default:
		return text("")
	}
}
