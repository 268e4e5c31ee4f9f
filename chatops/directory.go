package chatops

import (
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
)

// Account is somebody as a chat knows them.
type Account struct {
	ID      string
	Email   string // that the chat has confirmed; else empty
	Bot     bool   // a program
	Guest   bool   // of the workspace: sees some channels
	Outside bool   // from another workspace or company
	Gone    bool   // the account is closed
}

// Identity is one person of the configuration as a chat knows them.
type Identity struct {
	Name  string
	ID    string // of their account; empty: it is not said
	Email string
}

// Directory says who an account is.
type Directory struct {
	People  []Identity
	ByEmail bool // a confirmed address is enough for whoever has no ID
}

// Person is the name of whoever has an account; or why there is none.
// Programs, guests and people from outside are nobody, whatever is configured.
func (d Directory) Person(a Account) (name, refusal string) {
	switch {
	case a.Bot:
		return "", "programs have no say"
	case a.Gone:
		return "", "this account is closed"
	case a.Outside:
		return "", "accounts of other workspaces have no say here"
	case a.Guest:
		return "", "guests have no say here"
	}
	for _, p := range d.People {
		if p.ID != "" && p.ID == a.ID {
			return p.Name, ""
		}
	}
	if d.ByEmail && a.Email != "" {
		for _, p := range d.People {
			if p.ID == "" && strings.EqualFold(p.Email, a.Email) {
				return p.Name, ""
			}
		}
	}
	return "", "firebreak does not know you: people.NAME.slack in firebreak.yaml must be " + a.ID
}

// Account is the account of a person; empty when it is not known.
func (d Directory) Account(name string) string {
	for _, p := range d.People {
		if p.Name == name {
			return p.ID
		}
	}
	return ""
}

// Speaker is who says something in a chat.
type Speaker struct {
	Person  string // empty: nobody that firebreak knows
	Refusal string // why Person is empty
	Account string // as the records name somebody who is nobody: slack:TEAM/USER
	Via     engine.Via
}

// by is who the engine is told it was. Somebody unknown is never in a role, so
// that what they try is refused, and recorded.
func (s Speaker) by() string {
	if s.Person == "" {
		return s.Account
	}
	return s.Person
}
