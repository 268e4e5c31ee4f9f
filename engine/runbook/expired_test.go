package runbook

import (
	"strings"
	"testing"
)

func TestExpiredWaivers(t *testing.T) {
	const src = `firebreak: v1
name: case
steps:
  - id: change
    uses: tool.change
    resource: it
    approve:
      of:
        - role: sre
          for: 3m
    verify:
      none: nothing to see
      owner: sre
      last_day: "2026-06-30"
    undo:
      none: nothing to put back
`
	act, err := NewAction("tool.change", "mutate", []byte(`{"type":"object"}`), []byte(`{"type":"object"}`))
	if err != nil {
		t.Fatal(err)
	}
	book, problems := Parse("book.yaml", []byte(src), Catalog{"tool.change": act}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := book.Expired("2026-06-30"); len(got) != 0 {
		t.Errorf("on its last day: %v", got)
	}
	got := book.Expired("2026-07-01")
	if len(got) != 1 || got[0].ID != "waiver-expired" || !strings.HasPrefix(got[0].String(), "book.yaml:12:7: ") {
		t.Errorf("a day later: %v", got)
	}
}
