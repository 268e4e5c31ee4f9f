// Package yamltest makes what tests of YAML files need: mutations of files that
// are right, and what an editor reads of them.
package yamltest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"gopkg.in/yaml.v3"
)

// AsJSON reads YAML as an editor does. ok is false where an editor could say
// no more than that it is none.
func AsJSON(src []byte) (v any, ok bool) {
	if err := yaml.Unmarshal(src, &v); err != nil {
		return nil, false
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, false // a key that is no text
	}
	return v, json.Unmarshal(raw, &v) == nil
}

// Mutants makes mutants of a file and calls visit with each, and with a name
// that says what was changed. They hang on the file's name alone, so that
// another file more or less leaves them as they are.
func Mutants(name string, src []byte, names []string, times int, visit func(name string, mutant []byte)) {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name))                // it never fails
	luck := rand.New(rand.NewPCG(hash.Sum64(), 4)) //nolint:gosec // a mutant must be the same for the same name
	for i := range times {
		if mutant, what := Mutate(src, names, luck); mutant != nil {
			visit(fmt.Sprintf("%s, mutation %d: %s", name, i, what), mutant)
		}
	}
}

// Mutate changes one thing of a file: a key is left out, called otherwise (by
// one of names, or by none that there is), moved to another mapping, or holds
// a value of another kind. It says what. The mutant is nil where src has no
// mapping.
func Mutate(src []byte, names []string, luck *rand.Rand) (mutant []byte, what string) {
	var doc yaml.Node
	if yaml.Unmarshal(src, &doc) != nil {
		return nil, ""
	}
	var mappings []*yaml.Node
	var find func(*yaml.Node)
	find = func(n *yaml.Node) {
		if n.Kind == yaml.MappingNode && len(n.Content) > 0 {
			mappings = append(mappings, n)
		}
		for _, c := range n.Content {
			find(c)
		}
	}
	find(&doc)
	if len(mappings) == 0 {
		return nil, ""
	}
	m := mappings[luck.IntN(len(mappings))]
	at := 2 * luck.IntN(len(m.Content)/2)
	k, v := m.Content[at], m.Content[at+1]
	switch luck.IntN(4) {
	case 0:
		what = "without " + k.Value
		m.Content = slices.Delete(slices.Clone(m.Content), at, at+2)
	case 1:
		name := k.Value + "x"
		if i := luck.IntN(len(names) + 1); i < len(names) {
			name = names[i]
		}
		what = k.Value + " is called " + name
		k.Value = name
	case 2:
		other := otherKinds[luck.IntN(len(otherKinds))]
		what = k.Value + " is " + other
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(other), &n); err != nil {
			return nil, ""
		}
		*v = *n.Content[0]
	default:
		to := mappings[luck.IntN(len(mappings))]
		what = fmt.Sprintf("%s of line %d is in line %d", k.Value, k.Line, to.Line)
		m.Content = slices.Delete(slices.Clone(m.Content), at, at+2)
		to.Content = append(to.Content, k, v)
	}
	mutant, err := yaml.Marshal(&doc)
	if err != nil {
		return nil, ""
	}
	return mutant, what
}

// otherKinds are values of every kind.
var otherKinds = []string{"text", `""`, `" "`, "7", "0", "-1", "1.5", "true", "null", "[]", "{}", "[1]", "[text]", "{a: 1}", "5m", "0s", "1d2h", ".s", "${{ 1 }}", `"${{ 1 }}"`, "abort", "undo"}
