package main

import (
	"fmt"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/plugins"
)

// TestNeeds holds that a run cannot be started without what its steps use, but
// without what it looks for first.
func TestNeeds(t *testing.T) {
	known, err := actions()
	if err != nil {
		t.Fatal(err)
	}
	const head = `firebreak: v1
name: wider
owner: sre
inputs: {service: {type: service, required: true}}
service: ${{ inputs.service }}
steps:
  - id: pooler
    uses: pooler.status
    optional: true
`
	const widen = `
  - id: widen
    %s
    uses: pooler.resize
    with: {limit: pool_size, size: 9}
    approve: {of: [{role: sre, for: 3m}]}
    verify: {uses: pooler.status, until: result.free > 0, within: 1m}
    undo: {uses: pooler.resize}
`
	read, mutate := need{"pooler", plugins.Read}, need{"pooler", plugins.Mutate}
	for condition, needed := range map[string]bool{
		`if: steps.pooler.status == "succeeded"`: false,
		`if: steps.pooler.outputs != nil`:        true, // it does not ask
		`if: inputs.service == "api"`:            true,
	} {
		src := head + fmt.Sprintf(widen, condition)
		book, problems := runbook.Parse("wider.yaml", []byte(src), known, nil)
		if book == nil {
			t.Fatalf("%s: %v", condition, problems)
		}
		got := needs(book)
		if _, ok := got[mutate]; ok != needed {
			t.Errorf("%s: to change it is needed: %v", condition, ok)
		}
		if _, ok := got[read]; ok != needed {
			t.Errorf("%s: to read it, for the verify, is needed: %v", condition, ok)
		}
	}
}
