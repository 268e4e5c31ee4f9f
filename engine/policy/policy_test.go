package policy

import (
	"strings"
	"testing"
)

func TestMayAnswer(t *testing.T) {
	facts := Facts{
		Members:    map[string][]string{"ops": {"alice", "bob"}, "leads": {"carol"}},
		BreakGlass: map[string]bool{"leads": true},
		Requester:  "alice",
	}
	tests := []struct {
		name, person string
		roles        []string
		self         bool
		glass        string
		broken       bool
		refusal      string
	}{
		{name: "in a role", person: "bob", roles: []string{"ops"}},
		{name: "in one of two", person: "carol", roles: []string{"ops", "leads"}},
		{name: "in another role", person: "bob", roles: []string{"leads"}, refusal: "bob is not in leads"},
		{name: "nobody", person: "os:eve", roles: []string{"ops"}, refusal: "os:eve is not in ops"},
		{name: "no role may", person: "bob", refusal: "no role may answer"},
		{name: "a role that is not there", person: "bob", roles: []string{"dbas"}, refusal: "not in dbas"},
		{name: "the requester", person: "alice", roles: []string{"ops"}, refusal: "nobody approves their own request"},
		{name: "the requester, where that is allowed", person: "alice", roles: []string{"ops"}, self: true},
		{name: "not in the role, with glass to break", person: "carol", roles: []string{"ops"}, glass: "alone", broken: true},
		{name: "told of the glass", person: "carol", roles: []string{"ops"}, refusal: "--break-glass"},
		{name: "no glass to break", person: "alice", roles: []string{"ops"}, glass: "alone", refusal: "no role of theirs may break the glass"},
		{name: "glass that is not needed", person: "bob", roles: []string{"ops"}, glass: "alone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			broken, refusal := facts.MayAnswer(tt.person, tt.roles, tt.self, tt.glass)
			if broken != tt.broken || (refusal == "") != (tt.refusal == "") || !strings.Contains(refusal, tt.refusal) {
				t.Errorf("got %t, %q; want %t, %q", broken, refusal, tt.broken, tt.refusal)
			}
		})
	}
}

func TestRequesterMayBreakTheGlass(t *testing.T) {
	facts := Facts{Members: map[string][]string{"leads": {"carol"}}, BreakGlass: map[string]bool{"leads": true}, Requester: "carol"}
	if broken, refusal := facts.MayAnswer("carol", []string{"leads"}, false, "alone"); !broken || refusal != "" {
		t.Errorf("got %t, %q", broken, refusal)
	}
}

func TestMayStop(t *testing.T) {
	facts := Facts{Members: map[string][]string{"ops": {"alice"}}, Requester: "os:eve"}
	for person, may := range map[string]bool{"alice": true, "os:eve": true, "os:mallory": false, "": false} {
		if refusal := facts.MayStop(person); (refusal == "") != may {
			t.Errorf("%q: %q", person, refusal)
		}
	}
}
