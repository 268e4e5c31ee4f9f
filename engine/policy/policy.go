// Package policy holds the rules that say who may do what. They are pure:
// all that they need is handed to them.
package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Facts is what the rules decide with.
type Facts struct {
	Members    map[string][]string // people by role
	Limits     map[string]Limit    // of the roles that have one
	BreakGlass map[string]bool     // roles whose people may answer in spite of the rules
	Requester  string              // the person who started the run; empty if no person did
	Handed     []string            // people to whom somebody of the roles has left the answer
}

// MayAnswer says whether a person may answer a question of the given roles.
// self: the requester may, too. glass, when not empty, is the person's reason
// to answer in spite of the rules; broken reports that it was needed.
// refusal is empty, or a sentence for the person.
func (f Facts) MayAnswer(person string, roles []string, self bool, glass string) (broken bool, refusal string) {
	var why string
	switch {
	case !f.In(person, roles) && !slices.Contains(f.Handed, person):
		why = fmt.Sprintf("%s is not in %s", person, strings.Join(roles, " or "))
		if len(roles) == 0 {
			why = "no role may answer this"
		}
	case !self && person == f.Requester:
		why = fmt.Sprintf("%s started the run, and nobody approves their own request", person)
	default:
		return false, ""
	}
	if glass == "" {
		if f.MayBreak(person) {
			return false, why + "; in an emergency: approve with --break-glass REASON"
		}
		if person == f.Requester {
			why += ": somebody else of " + strings.Join(roles, " or ") + " can"
		}
		return false, why
	}
	if !f.MayBreak(person) {
		return false, why + ", and no role of theirs may break the glass"
	}
	return true, ""
}

// MayStop says whether a person may cancel a run: anyone with a role may, and
// who started it. refusal is empty, or a sentence for the person.
func (f Facts) MayStop(person string) (refusal string) {
	if person != "" && person == f.Requester {
		return ""
	}
	if f.Known(person) {
		return ""
	}
	return fmt.Sprintf("%s has no role in firebreak.yaml and started no run that this is about", person)
}

// Known says whether a person is in any role.
func (f Facts) Known(person string) bool {
	for _, people := range f.Members {
		if slices.Contains(people, person) {
			return true
		}
	}
	return false
}

// Count is how many people may answer a question of the given roles. self: the
// requester may, too.
func (f Facts) Count(roles []string, self bool) int {
	people := map[string]bool{}
	for _, role := range roles {
		for _, person := range f.Members[role] {
			if self || person != f.Requester {
				people[person] = true
			}
		}
	}
	return len(people)
}

// Breakable says whether anybody may answer in spite of the rules.
func (f Facts) Breakable() bool {
	for role, may := range f.BreakGlass {
		if may && len(f.Members[role]) > 0 {
			return true
		}
	}
	return false
}

// In says whether a person is in one of the roles.
func (f Facts) In(person string, roles []string) bool {
	return slices.ContainsFunc(roles, func(role string) bool {
		return slices.Contains(f.Members[role], person)
	})
}

// MayBreak says whether a person may answer in spite of the rules.
func (f Facts) MayBreak(person string) bool {
	for role, may := range f.BreakGlass {
		if may && slices.Contains(f.Members[role], person) {
			return true
		}
	}
	return false
}
