package service

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Parse reads a firebreak.yaml; file is for messages only. It returns a
// configuration, or everything that is wrong with it in the order of the
// file, never both. An empty file is a configuration without services.
func Parse(file string, src []byte) (*Config, []runbook.Problem) {
	sum := sha256.Sum256(src)
	f, root := runbook.ReadPrivate(file, src)
	r := &reader{
		file: f,
		cfg: &Config{
			File:     file,
			Services: map[string]*Service{},
			Tools:    map[string]Section{},
			Roles:    map[string]*Role{},
			People:   map[string]*Person{},
			Plugins:  map[string]PluginBinary{},
			Sources:  map[string]*Source{},
			Digest:   "sha256:" + hex.EncodeToString(sum[:]),
		},
	}
	if root != nil {
		r.whole(root)
	}
	if found := f.Problems(); len(found) > 0 {
		return nil, found
	}
	return r.cfg, nil
}

// reader turns the nodes of one file into a Config.
type reader struct {
	file  *runbook.File
	cfg   *Config
	later []func() // checks that need all of the file
}

func (r *reader) whole(root *yaml.Node) {
	f, _ := r.file.Fields(root, fileShape)
	r.services(f)
	r.tools(f)
	r.roles(f)
	r.people(f)
	r.plugins(f)
	r.sources(f)
	r.serve(f)
	r.policy(f)
	r.supply(f)
	r.chat(f)
	r.paging(f)
	for _, look := range r.later {
		look()
	}
}

// addf reports a problem. What it says holds no value of a secret.
func (r *reader) addf(at runbook.Pos, id, hint, format string, args ...any) {
	r.file.Add(at, id, fmt.Sprintf(format, args...), hint)
}

// within reads the mapping that a key holds; false: it is not written, or
// holds none.
func (r *reader) within(f runbook.Fields, key string, s *runbook.Shape) (runbook.Fields, bool) {
	if n := f.Node(key); n != nil {
		return r.file.Fields(n, s)
	}
	return runbook.Fields{}, false
}

// list returns the entries of the list that a key holds.
func (r *reader) list(f runbook.Fields, key string) []*yaml.Node {
	n := f.Node(key)
	if n == nil {
		return nil
	}
	items, ok := r.file.List(n, key)
	if ok && len(items) == 0 {
		r.addf(f.At(key), "empty", "", "%s is empty", key)
	}
	return items
}

// span reads a time of at least a second.
func (r *reader) span(f runbook.Fields, key string) time.Duration {
	d := f.Duration(key)
	if d < time.Second && f.Value(key) != nil {
		r.addf(f.At(key), "duration", "write for example 30s, 5m or 1h30m", "%s must be a second or more", key)
	}
	return d
}

// texts are the texts of a list.
func texts(words []runbook.Word) []string {
	var all []string
	for _, w := range words {
		all = append(all, w.Text)
	}
	return all
}

// suggest names what was meant, or what there is; otherwise is the hint where
// there is nothing, or too much to list.
func suggest(word string, known []string, otherwise string) string {
	return cmp.Or(expr.Suggest(word, slices.Sorted(slices.Values(known))), otherwise)
}
