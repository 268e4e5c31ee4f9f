package runbooks_test

import (
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/runbooks"
)

// catalog holds the actions of the contracts, as check sees them where no
// plugin is configured.
func catalog(t *testing.T) runbook.Catalog {
	t.Helper()
	catalog := runbook.Catalog{}
	for _, c := range capability.All() {
		action, err := runbook.NewAction(c.Name, string(c.Effect), c.Input, c.Output)
		if err != nil {
			t.Fatal(err)
		}
		action.Undo, action.Idempotent, action.Probe = c.Undo, c.Idempotent, c.Probe
		action.NoPrecondition, action.SettlesIn, action.Doc = c.NoPrecondition, c.SettlesIn, c.Doc
		catalog[c.Name] = action
	}
	return catalog
}

func TestEveryShippedRunbookPassesCheck(t *testing.T) {
	names := runbooks.Names()
	if len(names) == 0 {
		t.Fatal("no runbook is shipped")
	}
	actions := catalog(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			file, src, err := runbooks.File(name)
			if err != nil {
				t.Fatal(err)
			}
			book, problems := runbook.Parse(file, src, actions, nil)
			for _, problem := range problems {
				t.Error(problem)
			}
			if book != nil && book.Name != name {
				t.Errorf("%s holds the runbook %s", file, book.Name)
			}
		})
	}
}

func TestUnknownRunbook(t *testing.T) {
	if _, _, err := runbooks.File("nothing"); err == nil || !strings.Contains(err.Error(), "connection-exhaustion") {
		t.Errorf("got %v", err)
	}
}
