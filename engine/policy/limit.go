package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Limit is how much one change may touch that people of a role say yes to:
// so many, or such a share of what there is. One of them is not 0.
type Limit struct {
	Count   int `json:"count,omitempty"`
	Percent int `json:"percent,omitempty"` // of what has a total; what has none is not bounded by it
}

// String writes it as the configuration does.
func (l Limit) String() string {
	if l.Percent > 0 {
		return fmt.Sprintf("%d%%", l.Percent)
	}
	return fmt.Sprint(l.Count)
}

// Touch is how much a change would touch.
type Touch struct {
	What            string // which change
	Unit            string
	Affected, Total int // total 0: not known
}

// String says it for people.
func (t Touch) String() string {
	if t.Total > 0 {
		return fmt.Sprintf("%s touches %d of %d %s", t.What, t.Affected, t.Total, t.Unit)
	}
	return fmt.Sprintf("%s touches %d %s", t.What, t.Affected, t.Unit)
}

// holds reports whether a change is within the limit.
func (l Limit) holds(t Touch) bool {
	if l.Percent > 0 {
		return t.Total == 0 || t.Affected*100 <= l.Percent*t.Total
	}
	return t.Affected <= l.Count
}

// MayTouch says whether a person may say yes to changes that touch so much, at
// a question of the given roles: by one of these roles that they have, or,
// where they have none because it was left to them, by any. refusal is empty,
// or a sentence for the person.
func (f Facts) MayTouch(person string, roles []string, touches []Touch) (refusal string) {
	theirs := f.rolesOf(person, roles)
	if len(theirs) == 0 {
		theirs = f.rolesOf(person, slices.Sorted(maps.Keys(f.Members)))
	}
	for _, t := range touches {
		within := func(role string) bool {
			limit, bounded := f.Limits[role]
			return !bounded || limit.holds(t)
		}
		if len(theirs) == 0 || slices.ContainsFunc(theirs, within) {
			continue
		}
		var bounds []string
		for _, role := range theirs {
			bounds = append(bounds, fmt.Sprintf("roles.%s.at_most is %s", role, f.Limits[role]))
		}
		refusal = fmt.Sprintf("%s, and %s", t, strings.Join(bounds, " and "))
		if others := slices.DeleteFunc(slices.Clone(roles), func(role string) bool { return !within(role) }); len(others) > 0 {
			return refusal + "; it takes " + strings.Join(others, " or ")
		}
		return refusal + "; nobody of " + strings.Join(roles, " or ") + " may more"
	}
	return ""
}

// rolesOf are those of some roles that a person has.
func (f Facts) rolesOf(person string, roles []string) []string {
	return slices.DeleteFunc(slices.Clone(roles), func(role string) bool { return !slices.Contains(f.Members[role], person) })
}
