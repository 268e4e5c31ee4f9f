package service

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"
)

// object reads a mapping whose keys are known. Those in required must be there.
func (r *reader) object(n *yaml.Node, what string, known fields, required ...string) {
	r.open(n, what, known, func(k, _ *yaml.Node) {
		hint := hintFrom(k.Value, "known keys", slices.Collect(maps.Keys(known)))
		r.addf(posOf(k), "unknown-key", hint, "unknown key %.80q in %s", k.Value, what)
	}, required...)
}

// open reads a mapping, and hands the keys that are not known to rest.
func (r *reader) open(n *yaml.Node, what string, known fields, rest func(k, v *yaml.Node), required ...string) {
	if !r.isMapping(n, what) {
		return
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		seen[k.Value] = true
		if read := known[k.Value]; read != nil {
			read(v)
		} else {
			rest(k, v)
		}
	}
	for _, key := range required {
		if !seen[key] {
			r.addf(posOf(n), "missing-key", fmt.Sprintf("add %s:", key), "%s has no %s", what, key)
		}
	}
}

var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// entries reads a mapping from names that the user gives to what they stand for.
func (r *reader) entries(n *yaml.Node, what string, each func(k, v *yaml.Node)) {
	r.open(n, what, nil, func(k, v *yaml.Node) {
		if r.isName(k, what) {
			each(k, v)
		}
	})
}

func (r *reader) isName(k *yaml.Node, what string) bool {
	if !nameRule.MatchString(k.Value) {
		r.addf(posOf(k), "bad-name", "use at most 63 of a-z 0-9 . _ - and begin with a letter or digit", "%.80q in %s is not a name", k.Value, what)
		return false
	}
	return true
}

func (r *reader) isMapping(n *yaml.Node, what string) bool {
	if n.Kind != yaml.MappingNode {
		r.addf(posOf(n), "wrong-type", "write key: value lines below it, or {}", "%s must be a mapping, not %s", what, kindOf(n))
		return false
	}
	return true
}

// text reads a string that is not empty.
func (r *reader) text(what string, into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		switch {
		case n.Kind != yaml.ScalarNode:
			r.addf(posOf(n), "wrong-type", "", "%s must be text, not %s", what, kindOf(n))
		case n.Value == "":
			r.addf(posOf(n), "empty", "give it a value, or remove the key", "%s is empty", what)
		case n.ShortTag() != "!!str":
			r.addf(posOf(n), "wrong-type", fmt.Sprintf("quote it: %.80q", n.Value), "%s must be text, not %s", what, kindOf(n))
		default:
			*into = n.Value
		}
	}
}

// truth reads true or false.
func (r *reader) truth(what string, into *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			r.addf(posOf(n), "wrong-type", "write true or false", "%s must be true or false, not %s", what, kindOf(n))
			return
		}
		*into = n.Value[0] == 't' || n.Value[0] == 'T'
	}
}

// kindOf names what stands at a node.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return scalarKindOf(n)
	}
}

func scalarKindOf(n *yaml.Node) string {
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	}
	return "text"
}
