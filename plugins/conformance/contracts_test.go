package conformance

import (
	"testing"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// A contract without a suite would be held by its schemas alone.
func TestEveryContractHasItsSuite(t *testing.T) {
	for _, a := range capability.All() {
		_, read := reads[a.Name]
		_, mutation := mutations[a.Name]
		if read == mutation || read != (a.Effect == plugins.Read) {
			t.Errorf("%s, which is %s, has a suite as a read: %v, as a mutation: %v", a.Name, a.Effect, read, mutation)
		}
	}
	if n := len(capability.All()); n != len(reads)+len(mutations) {
		t.Errorf("%d suites for %d contracts", len(reads)+len(mutations), n)
	}
}
