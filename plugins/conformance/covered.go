package conformance

import (
	"slices"

	"github.com/firebreak-ops/firebreak/plugins"
)

// covered: every action that the plugin offers has a case, so that one more
// cannot be offered untried.
func (s *suite) covered(t T) {
	d, err := s.host.Describe(patient(t), s.spec.Name)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, a := range d.Actions {
		tried := slices.ContainsFunc(s.cases.Reads, func(r Read) bool { return r.Action == a.Name })
		want := "read"
		if a.Effect != plugins.Read {
			tried = slices.ContainsFunc(s.cases.Mutations, func(m Mutation) bool { return m.Action == a.Name })
			want = "mutation"
		}
		if !tried {
			t.Errorf("%s has no case: give it one as a %s", a.Name, want)
		}
	}
}
