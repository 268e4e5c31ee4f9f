package service

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

func (r *reader) people(n *yaml.Node) {
	byOSUser, bySlack, byEmail := map[string]string{}, map[string]string{}, map[string]string{}
	r.entries(n, "people", func(k, v *yaml.Node) {
		p := &Person{Name: k.Value, Pos: posOf(k)}
		r.object(v, "person "+k.Value, fields{
			"os_user": r.identity(p, "os_user", &p.OSUser, byOSUser),
			"slack":   r.identity(p, "slack", &p.Slack, bySlack),
			"email":   r.email(p, byEmail),
		})
		r.cfg.People[p.Name] = p
	})
}

// identity reads how a person is recognised. Two people who look the same
// could answer for each other, so each identity is one person's.
func (r *reader) identity(p *Person, key string, into *string, taken map[string]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.text(key+" of "+p.Name, into)(n)
		if *into == "" {
			return
		}
		if other, ok := taken[*into]; ok {
			r.addf(posOf(n), "shared-identity", "each person needs an own one", "%s %.80q is also %s", key, *into, other)
			return
		}
		taken[*into] = p.Name
	}
}

func (r *reader) email(p *Person, taken map[string]string) func(*yaml.Node) {
	read := r.identity(p, "email", &p.Email, taken)
	return func(n *yaml.Node) {
		read(n)
		if before, after, ok := strings.Cut(p.Email, "@"); p.Email != "" && (!ok || before == "" || after == "") {
			r.addf(posOf(n), "bad-email", "write name@host", "email of %s is not an address", p.Name)
		}
	}
}

func (r *reader) roles(n *yaml.Node) {
	r.entries(n, "roles", func(k, v *yaml.Node) {
		role := &Role{Name: k.Value, Pos: posOf(k)}
		r.object(v, "role "+k.Value, fields{
			"people":      func(list *yaml.Node) { r.roleMembers(role, list) },
			"machines":    func(list *yaml.Node) { r.roleMachines(role, list) },
			"at_most":     r.limit("at_most of role "+k.Value, &role.AtMost),
			"break_glass": r.truth("break_glass of role "+k.Value, &role.BreakGlass),
		}, "people")
		r.cfg.Roles[role.Name] = role
	})
}

func (r *reader) roleMembers(role *Role, list *yaml.Node) {
	if list.Kind != yaml.SequenceNode {
		r.addf(posOf(list), "wrong-type", "write [alice, bob]", "people of role %s must be a list, not %s", role.Name, kindOf(list))
		return
	}
	if len(list.Content) == 0 {
		r.addf(posOf(list), "empty", "name at least one person, or remove the role", "role %s is nobody: what it is asked would never be answered", role.Name)
	}
	seen := map[string]bool{}
	for _, item := range list.Content {
		var name string
		r.text("a person of role "+role.Name, &name)(item)
		if name == "" {
			continue
		}
		if seen[name] {
			r.addf(posOf(item), "duplicate-person", "remove one", "%.80q is in role %s twice", name, role.Name)
			continue
		}
		seen[name] = true
		role.People = append(role.People, name)
		r.named = append(r.named, member{role: role.Name, person: name, at: posOf(item)})
	}
}

// roleMachines reads the names of machines that have a role.
func (r *reader) roleMachines(role *Role, list *yaml.Node) {
	if list.Kind != yaml.SequenceNode {
		r.addf(posOf(list), "wrong-type", "write [ci]", "machines of role %s must be a list, not %s", role.Name, kindOf(list))
		return
	}
	for _, item := range list.Content {
		var name string
		r.text("a machine of role "+role.Name, &name)(item)
		if name != "" && r.isName(item, "machines of role "+role.Name) {
			role.Machines = append(role.Machines, name)
		}
	}
}

// members checks that roles are made of known people.
func (r *reader) members() {
	known := slices.Collect(maps.Keys(r.cfg.People))
	for _, m := range r.named {
		if r.cfg.People[m.person] == nil {
			r.addf(m.at, "unknown-person", hintFrom(m.person, "people", known), "role %s names %.80q, who is not under people", m.role, m.person)
		}
	}
}
