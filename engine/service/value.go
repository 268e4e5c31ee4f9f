package service

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
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
	switch n.ShortTag() {
	case "!!str":
		if n.Style == 0 && jsonNumber.MatchString(n.Value) {
			return r.number(key, n) // too big for YAML's own numbers
		}
		return n.Value
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		return r.number(key, n)
	case "!!null":
		if n.Value == "" {
			r.addf(posOf(n), "empty", "give it a value, write null, or remove the key", "%.80s is empty", key)
		}
		return nil
	}
	r.addf(posOf(n), "wrong-type", fmt.Sprintf("quote it: %.80q", n.Value), "YAML reads %.80s in %.80s as %s", n.Value, key, kindOf(n))
	return nil
}

func (r *reader) mapping(n *yaml.Node) any {
	m := make(map[string]any, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Value == "secret" {
			return r.secret(n, v)
		}
		m[k.Value] = r.value(k.Value, v)
	}
	return m
}

var (
	jsonInteger = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	jsonNumber  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

// number refuses what would not arrive as the number that stands there, such
// as 012, 0x1f, 1_000 or an integer of more than 64 bits.
func (r *reader) number(key string, n *yaml.Node) any {
	whole := jsonInteger.MatchString(n.Value)
	f, err := strconv.ParseFloat(n.Value, 64)
	if !jsonNumber.MatchString(n.Value) || err != nil || whole && n.ShortTag() != "!!int" {
		r.addf(posOf(n), "bad-number", fmt.Sprintf("write a decimal number, or quote it: %.80q", n.Value), "%.80s in %.80s is not a plain decimal number of 64 bits", n.Value, key)
		return nil
	}
	if whole && f != 0 {
		return json.Number(n.Value) // to the digit
	}
	return f + 0 // no negative zero
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
