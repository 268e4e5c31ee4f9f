package policy

import (
	"strings"
	"testing"
)

func TestSupply(t *testing.T) {
	commit := strings.Repeat("1a2b3c4d", 5)
	good := Origin{Runbook: "fix", File: "/srv/books/fix.yaml", Commit: commit}
	dirty, loose, nowhere, shipped := good, good, Origin{Runbook: "fix"}, Origin{Runbook: "look", BuiltIn: true}
	dirty.Dirty, loose.Commit = true, ""
	committed := &Supply{Rule: "f:1 runbooks", Committed: true}
	paths := &Supply{Rule: "f:1 runbooks", Paths: []string{"/srv/books", "/etc/books/"}}
	tests := []struct {
		name string
		rule *Supply
		from []Origin
		says string // empty: it may
	}{
		{"no rule", nil, []Origin{nowhere}, ""},
		{"committed", committed, []Origin{good, shipped}, ""},
		{"changed since", committed, []Origin{good, dirty}, "f:1 runbooks.require: runbook fix is from /srv/books/fix.yaml, not as in commit 1a2b3c4d1a2b; commit it"},
		{"never committed", committed, []Origin{loose}, "from /srv/books/fix.yaml, in no commit; commit it"},
		{"in no file", committed, []Origin{nowhere}, "from no file here"},
		{"unknown", committed, nil, "f:1 runbooks: it is not known where the runbook came from"},
		{"below", paths, []Origin{loose, shipped}, ""},
		{"below another", paths, []Origin{{Runbook: "fix", File: "/etc/books/a/fix.yaml"}}, ""},
		{"beside", paths, []Origin{{Runbook: "fix", File: "/srv/books2/fix.yaml"}}, "f:1 runbooks.paths: runbook fix is from /srv/books2/fix.yaml, in no commit; put it below /srv/books or /etc/books/"},
		{"in no file, with paths", paths, []Origin{nowhere}, "from no file here; put it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.rule.Refuses(tt.from)
			if (got == "") != (tt.says == "") || !strings.Contains(got, tt.says) {
				t.Errorf("got %q, wanted %q", got, tt.says)
			}
		})
	}
}
