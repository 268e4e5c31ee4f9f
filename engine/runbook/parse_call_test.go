package runbook

import "testing"

// A runbook without a service has no locks to lend to one that acts on the
// service that its own input names by default.
func TestCallOfAServiceByDefault(t *testing.T) {
	library := func(string) (string, []byte, error) {
		return "other.yaml", []byte(`firebreak: v1
name: other
inputs:
  target: {type: service, default: api}
service: ${{ inputs.target }}
steps:
  - uses: workload.restart
    approve: {of: [{role: sre, for: 5m}]}
    undo: {none: nothing to put back}
    verify: {uses: metrics.health, until: result.waiting == 0}
`), nil
	}
	_, problems := Parse("book.yaml", []byte("firebreak: v1\nname: book\nsteps:\n  - call: other\n"), testCatalog(t), library)
	if len(problems) != 1 || problems[0].ID != "other-service" {
		t.Errorf("its problems are %v", problems)
	}
	_, problems = Parse("book.yaml", []byte("firebreak: v1\nname: book\nservice: api\nsteps:\n  - call: other\n"), testCatalog(t), library)
	if len(problems) != 0 {
		t.Errorf("the same service by default is refused: %v", problems)
	}
}
