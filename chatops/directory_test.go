package chatops

import "testing"

// TestPerson holds who an account is, and why some are nobody.
func TestPerson(t *testing.T) {
	people := []Identity{{Name: "alice", ID: "U1", Email: "alice@example.com"}, {Name: "bob", Email: "bob@example.com"}}
	for name, c := range map[string]struct {
		account Account
		byEmail bool
		person  string
		refusal string
	}{
		"by id":                    {Account{ID: "U1"}, false, "alice", ""},
		"by address":               {Account{ID: "U2", Email: "BOB@example.com"}, true, "bob", ""},
		"by address, switched off": {Account{ID: "U2", Email: "bob@example.com"}, false, "", "firebreak does not know you: people.NAME.slack in firebreak.yaml must be U2"},
		"by the address of somebody with an account": {Account{ID: "U2", Email: "alice@example.com"}, true, "", "firebreak does not know you: people.NAME.slack in firebreak.yaml must be U2"},
		"without an address":                         {Account{ID: "U2"}, true, "", "firebreak does not know you: people.NAME.slack in firebreak.yaml must be U2"},
		"a program":                                  {Account{ID: "U1", Bot: true}, true, "", "programs have no say"},
		"closed":                                     {Account{ID: "U1", Gone: true}, true, "", "this account is closed"},
		"of another workspace":                       {Account{ID: "U1", Outside: true}, true, "", "accounts of other workspaces have no say here"},
		"a guest":                                    {Account{ID: "U2", Email: "bob@example.com", Guest: true}, true, "", "guests have no say here"},
	} {
		person, refusal := Directory{People: people, ByEmail: c.byEmail}.Person(c.account)
		if person != c.person || refusal != c.refusal {
			t.Errorf("%s: it is %q (%s)", name, person, refusal)
		}
	}
}
