package conformance

import (
	"errors"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

// bind: a good section binds, and has an identity when it is a capability's:
// locks are taken on it.
func (s *suite) bind(t T, section host.Section) {
	ctx := patient(t)
	read, err := s.host.Identity(ctx, key(section, plugins.Read))
	if err != nil {
		t.Fatalf("%v", err)
	}
	if section.Capability != "" && read == "" {
		t.Errorf("it has no identity")
	}
	if !s.mutates(section) {
		return
	}
	mutate, err := s.host.Identity(ctx, key(section, plugins.Mutate))
	if err != nil {
		t.Fatalf("%v", err)
	}
	if mutate != read {
		t.Errorf("its identity is %q bound to read and %q bound to mutate", read, mutate)
	}
}

func (s *suite) mutates(section host.Section) bool {
	for _, mutation := range s.cases.Mutations {
		prefix, _, _ := strings.Cut(mutation.Action, ".")
		if mutation.Service == section.Service && prefix == section.Capability || section.Capability == "" && prefix == section.Plugin {
			return true
		}
	}
	return false
}

// refuse: a section that cannot be used is an error that names the key.
func (s *suite) refuse(t T, refused Refused) {
	access := refused.Access
	if access == "" {
		access = plugins.Read
	}
	h := s.start(t, []host.Section{refused.Section})
	_, err := h.Identity(patient(t), key(refused.Section, access))
	if err == nil {
		t.Fatalf("it binds; want an error that names %s", refused.Key)
	}
	var failure *plugins.Failure
	if !errors.As(err, &failure) || failure.Class != plugins.Invalid {
		t.Errorf("the error is not of class invalid: %v", err)
	}
	if !strings.Contains(err.Error(), refused.Key) {
		t.Errorf("the error does not name %s: %v", refused.Key, err)
	}
}
