package service

import (
	"maps"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

func (r *reader) people(f runbook.Fields) {
	taken := map[[2]string]string{}
	for _, e := range f.Entries("people") {
		f, _ := r.file.Fields(e.Node, personShape)
		p := &Person{Name: e.Name, OSUser: f.Text("os_user"), Slack: f.Text("slack"), Email: f.Text("email"), Pos: e.Pos}
		for _, key := range []string{"os_user", "slack", "email"} {
			r.identity(p.Name, f, key, taken)
		}
		r.cfg.People[p.Name] = p
	}
}

// identity looks at how a person is recognised. Two people who look the same
// could answer for each other, so each identity is one person's.
func (r *reader) identity(person string, f runbook.Fields, key string, taken map[[2]string]string) {
	text := f.Text(key)
	if text == "" {
		return
	}
	id := [2]string{key, text}
	if key == "email" { // which are the same in any case
		id[1] = strings.ToLower(text)
	}
	if other, ok := taken[id]; ok {
		r.addf(f.At(key), "shared-identity", "each person needs an own one", "%s %.80q is also %s", key, text, other)
		return
	}
	taken[id] = person
}

func (r *reader) roles(f runbook.Fields) {
	for _, e := range f.Entries("roles") {
		f, _ := r.file.Fields(e.Node, roleShape)
		r.cfg.Roles[e.Name] = &Role{
			Name: e.Name, People: texts(f.Words("people")), Machines: texts(f.Words("machines")), AtMost: limit(f, "at_most"),
			BreakGlass: f.Flag("break_glass"), Pos: e.Pos,
		}
		seen := map[string]bool{}
		for _, w := range f.Words("people") {
			if seen[w.Text] {
				r.addf(w.Pos, "duplicate-person", "remove one", "%.80q is in role %s twice", w.Text, e.Name)
				continue
			}
			seen[w.Text] = true
			r.later = append(r.later, func() { r.isPerson(e.Name, w) })
		}
	}
}

// isPerson checks that a role is made of known people.
func (r *reader) isPerson(role string, w runbook.Word) {
	if r.cfg.People[w.Text] == nil {
		hint := suggest(w.Text, slices.Collect(maps.Keys(r.cfg.People)), "add the person under people")
		r.addf(w.Pos, "unknown-person", hint, "role %s names %.80q, who is not under people", role, w.Text)
	}
}
