package service

import (
	"regexp"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// Automation is the rules for runs that no person has started. A nil one is
// not there.
type Automation struct {
	Shadow   []*Shadow
	ReadOnly *Bound // services that alert at once
	Breaker  *Bound // failures in a row, and for how long it then is open
	Rate     *Bound // runs, within a time
	Budget   *Bound // changes of everybody, within a time
}

// Bound is how many there may be, and within which time.
type Bound struct {
	Most int
	Time time.Duration // zero: of a bound without one
	Pos  Pos
}

// Shadow is which runs do all but the changes.
type Shadow struct {
	Runbook      string   // empty: any
	Services     []string // empty, and no environments: any
	Environments []string
	Pos          Pos
}

func (r *reader) automation(n *yaml.Node) *Automation {
	a := &Automation{}
	r.object(n, "automation", fields{
		"shadow":    func(n *yaml.Node) { a.Shadow = r.shadows(n) },
		"read_only": func(n *yaml.Node) { a.ReadOnly = r.bound("read_only", "services", "", n) },
		"breaker":   func(n *yaml.Node) { a.Breaker = r.bound("breaker", "failures", "for", n) },
		"rate":      func(n *yaml.Node) { a.Rate = r.bound("rate", "runs", "per", n) },
		"budget":    func(n *yaml.Node) { a.Budget = r.bound("budget", "changes", "per", n) },
	})
	return a
}

func (r *reader) shadows(n *yaml.Node) []*Shadow {
	if n.Kind != yaml.SequenceNode {
		r.addf(posOf(n), "wrong-type", "write a list: - {runbook: NAME, services: [api]}", "shadow must be a list, not %s", kindOf(n))
		return nil
	}
	if len(n.Content) == 0 {
		r.addf(posOf(n), "empty", "name something, or remove the key", "shadow is empty")
	}
	var all []*Shadow
	for _, item := range n.Content {
		s := &Shadow{Pos: posOf(item)}
		r.object(item, "a shadow", fields{
			"runbook":      r.text("runbook of a shadow", &s.Runbook),
			"services":     r.names("services of a shadow", &s.Services, r.isService),
			"environments": r.names("environments of a shadow", &s.Environments, r.isEnvironment),
		})
		if item.Kind == yaml.MappingNode && len(item.Content) == 0 {
			r.addf(posOf(item), "empty", "name a runbook, services or environments", "a shadow is of nothing")
		}
		all = append(all, s)
	}
	return all
}

// bound reads how many there may be, and within which time; within is empty
// where no time belongs to it.
func (r *reader) bound(what, most, within string, n *yaml.Node) *Bound {
	b := &Bound{Pos: posOf(n)}
	known := fields{most: r.count(most+" of "+what, &b.Most)}
	required := []string{most}
	if within != "" {
		known[within] = r.span(within+" of "+what, &b.Time)
		required = append(required, within)
	}
	r.object(n, what, known, required...)
	return b
}

var plainCount = regexp.MustCompile(`^[1-9][0-9]{0,5}$`)

// count reads a number from 1 on.
func (r *reader) count(what string, into *int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		switch tag := n.ShortTag(); {
		case n.Kind != yaml.ScalarNode || tag != "!!int" && tag != "!!float":
			r.addf(posOf(n), "wrong-type", "write a number from 1 on", "%s must be a number, not %s", what, kindOf(n))
		case !plainCount.MatchString(n.Value):
			r.addf(posOf(n), "bad-number", "write a number from 1 to 999999", "%s is %.80s", what, n.Value)
		default:
			*into, _ = strconv.Atoi(n.Value) // it is one
		}
	}
}

var plainSpan = regexp.MustCompile(`^[1-9][0-9]{0,3}[smhd]$`)

// span reads for how long something holds.
func (r *reader) span(what string, into *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var text string
		if r.text(what, &text)(n); text == "" {
			return
		}
		if !plainSpan.MatchString(text) {
			r.addf(posOf(n), "bad-time", "write it as 90s, 15m, 2h or 7d", "%s: %.80q is no span of time", what, text)
			return
		}
		count, _ := strconv.Atoi(text[:len(text)-1]) // it is a number
		unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
		*into = time.Duration(count) * unit[text[len(text)-1]]
	}
}
