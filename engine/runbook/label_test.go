package runbook

import "testing"

func TestLabel(t *testing.T) {
	for want, s := range map[string]*Step{
		"g/a":                     {ID: "a", Path: "g/a", Uses: "settings.apply"},
		"settings.apply (step 2)": {Path: "2", Uses: "settings.apply"},
		"step g/2":                {Path: "g/2", Kind: KindGroup},
	} {
		if got := s.Label(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
