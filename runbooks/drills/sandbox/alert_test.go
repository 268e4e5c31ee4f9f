package sandbox

import "testing"

func TestExhausted(t *testing.T) {
	before := look{max: 20, acquired: 20, waiting: 5, waited: 10, acquires: 1000}
	for name, c := range map[string]struct {
		now  look
		want bool
	}{
		"queue and wait":                {look{20, 20, 12, 14, 1020}, true},
		"nobody waits":                  {look{20, 20, 0, 14, 1020}, false},
		"a short queue":                 {look{20, 20, 4, 14, 1020}, false},
		"they wait, but connections":    {look{20, 15, 12, 14, 1020}, false},
		"the wait is no wait":           {look{20, 20, 12, 10.1, 1020}, false},
		"no one got a connection since": {look{20, 20, 12, 10, 1000}, false},
		"a replica did not answer":      {look{15, 15, 12, 7, 750}, false},
		"no replica answered":           {look{}, false},
	} {
		if got := c.now.exhausted(before); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
