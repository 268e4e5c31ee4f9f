// Package document reads and changes one setting of a YAML or JSON document:
// only the bytes of that one value change; comments and layout stay.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// MaxSize is that of the largest document that Parse takes, in bytes.
const MaxSize = 1 << 20

// Document is one settings file, parsed.
type Document struct {
	src  []byte
	root *yaml.Node // nil: nothing but comments
}

// leaf is a scalar of a document, or a list, map or alias without anything
// below it that could be named.
type leaf struct {
	setting string
	node    *yaml.Node
}

// Parse reads a file of one YAML or JSON document.
func Parse(src []byte) (*Document, error) {
	if len(src) > MaxSize {
		return nil, fmt.Errorf("is larger than %d bytes", MaxSize)
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var first, second yaml.Node
	if err := dec.Decode(&first); err != nil {
		if errors.Is(err, io.EOF) {
			return &Document{src: src}, nil
		}
		return nil, fmt.Errorf("is not YAML: %w", err)
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, fmt.Errorf("is not YAML: %w", err)
		}
		return nil, errors.New("holds several YAML documents; settings live in files of one")
	}
	return &Document{src: src, root: first.Content[0]}, nil
}

// Bytes is the document as it was parsed. It must not be written to.
func (d *Document) Bytes() []byte { return d.src }

// Get returns the value of a setting; null when it is not there.
func (d *Document) Get(keys []string) (capability.Scalar, error) {
	_, _, node, err := d.find(keys)
	if err != nil || node == nil {
		return capability.Scalar{}, err
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.ScalarNode {
		return capability.Scalar{}, fmt.Errorf("setting %s is not one value; name a key below it", JoinSetting(keys))
	}
	return scalarOf(node), nil
}

// find returns the node that a setting names, the map or list that holds it
// and, in a map, its key. All are nil where the way ends before the last key;
// only node and key are where the last key is missing.
func (d *Document) find(keys []string) (parent, key, node *yaml.Node, err error) {
	node = d.root
	for i, name := range keys {
		if node != nil && node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		if node == nil {
			return nil, nil, nil, nil
		}
		parent, key = node, nil
		switch node.Kind {
		case yaml.MappingNode:
			key, node, err = child(node, name)
			if err != nil {
				return nil, nil, nil, fmt.Errorf("setting %s: %w", JoinSetting(keys[:i+1]), err)
			}
		case yaml.SequenceNode:
			node = item(node, name)
		default:
			return nil, nil, nil, nil
		}
	}
	return parent, key, node, nil
}

// item returns the item of a list by its index; nil if there is none.
func item(list *yaml.Node, index string) *yaml.Node {
	n, err := strconv.Atoi(index)
	if err != nil || n < 0 || n >= len(list.Content) || strconv.Itoa(n) != index {
		return nil
	}
	return list.Content[n]
}

func child(m *yaml.Node, name string) (key, value *yaml.Node, err error) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		k := m.Content[i]
		if k.Kind != yaml.ScalarNode || k.Value != name || k.ShortTag() == "!!merge" {
			continue
		}
		if key != nil {
			return nil, nil, fmt.Errorf("the key stands twice, on lines %d and %d", key.Line, k.Line)
		}
		key, value = k, m.Content[i+1]
	}
	return key, value, nil
}

// leaves lists everything that the document holds, in its order. What an
// alias points to is listed where it is written.
func (d *Document) leaves() []leaf {
	var out []leaf
	var walk func(n *yaml.Node, keys []string)
	walk = func(n *yaml.Node, keys []string) {
		switch {
		case n.Kind == yaml.MappingNode && len(n.Content) > 0:
			for i := 0; i+1 < len(n.Content); i += 2 {
				k := n.Content[i]
				name := k.Value
				if k.Kind != yaml.ScalarNode {
					name = "?" + strconv.Itoa(i/2)
					walk(k, append(keys, name, "key"))
				}
				walk(n.Content[i+1], append(keys, name))
			}
		case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
			for i, item := range n.Content {
				walk(item, append(keys, strconv.Itoa(i)))
			}
		default:
			out = append(out, leaf{JoinSetting(keys), n})
		}
	}
	if d.root != nil {
		walk(d.root, nil)
	}
	return out
}

// Settings returns the value of every setting below keys, by its name from
// there.
func (d *Document) Settings(below []string) map[string]capability.Scalar {
	out := map[string]capability.Scalar{}
	prefix := ""
	if len(below) > 0 {
		prefix = JoinSetting(below) + "."
	}
	for _, l := range d.leaves() {
		name, ok := bytes.CutPrefix([]byte(l.setting), []byte(prefix))
		if ok && l.node.Kind == yaml.ScalarNode && len(name) > 0 {
			out[string(name)] = scalarOf(l.node)
		}
	}
	return out
}
