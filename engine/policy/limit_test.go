package policy

import "testing"

func TestMayTouch(t *testing.T) {
	f := Facts{
		Members: map[string][]string{"oncall": {"alice", "bob"}, "leads": {"carol", "bob"}, "devs": {"dave"}},
		Limits:  map[string]Limit{"oncall": {Percent: 25}, "devs": {Count: 2}},
	}
	both := []string{"oncall", "leads"}
	quarter, half := Touch{"restart", "replicas", 1, 4}, Touch{"restart", "replicas", 2, 4}
	for name, tt := range map[string]struct {
		person  string
		roles   []string
		touches []Touch
		says    string
	}{
		"within":               {"alice", both, []Touch{quarter}, ""},
		"beyond":               {"alice", both, []Touch{quarter, half}, "restart touches 2 of 4 replicas, and roles.oncall.at_most is 25%; it takes leads"},
		"nobody may more":      {"alice", []string{"oncall"}, []Touch{half}, "restart touches 2 of 4 replicas, and roles.oncall.at_most is 25%; nobody of oncall may more"},
		"by another role":      {"bob", both, []Touch{half}, ""},
		"not by one unasked":   {"bob", []string{"oncall"}, []Touch{half}, "restart touches 2 of 4 replicas, and roles.oncall.at_most is 25%; nobody of oncall may more"},
		"no total, a share":    {"alice", both, []Touch{{"rollback", "settings", 1, 0}}, ""},
		"left to them":         {"dave", both, []Touch{{"kill", "sessions", 2, 90}}, ""},
		"left to them, beyond": {"dave", both, []Touch{{"kill", "sessions", 3, 0}}, "kill touches 3 sessions, and roles.devs.at_most is 2; it takes oncall or leads"},
		"not bounded":          {"carol", both, []Touch{{"restart", "replicas", 4, 4}}, ""},
	} {
		if got := f.MayTouch(tt.person, tt.roles, tt.touches); got != tt.says {
			t.Errorf("%s: %q, wanted %q", name, got, tt.says)
		}
	}
}
