package conformance

import (
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// orphan: a plugin whose host is gone, and with it the other end of its
// standard input, ends by itself.
func (s *suite) orphan(t T) {
	if err := host.Orphan(patient(t), s.spec, s.config(t, nil)); err != nil {
		t.Fatalf("%v", err)
	}
}

// stranger: a plugin serves the host that started it, and nobody else.
func (s *suite) stranger(t T) {
	if err := host.Knock(patient(t), s.spec, s.config(t, nil)); err != nil {
		t.Fatalf("%v", err)
	}
}
