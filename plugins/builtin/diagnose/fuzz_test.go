package diagnose

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// FuzzConnections holds that every input gives an answer of the contract, the
// same one each time, or is refused as invalid.
func FuzzConnections(f *testing.F) {
	for _, in := range []capability.DiagnoseInput{
		made(), made(poolLowered, culprit), made(convoy), made(maxLowered, noBaseline), made(noPool, noDatabase, noChanges), made(halfOpen),
	} {
		raw, err := json.Marshal(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	contract, _ := capability.Lookup(actionConnections)
	var schema jsonschema.Schema
	if err := json.Unmarshal(contract.Output, &schema); err != nil {
		f.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		call := plugins.Call{Action: actionConnections, Input: raw}
		first := tool{}.Run(t.Context(), call, nil)
		if first.Failure != nil {
			if first.Failure.Class != plugins.Invalid {
				t.Fatalf("%+v", first.Failure)
			}
			return
		}
		if again := (tool{}).Run(t.Context(), call, nil); !bytes.Equal(first.Outputs, again.Outputs) {
			t.Fatalf("%s\nand then\n%s", first.Outputs, again.Outputs)
		}
		var value any
		if err := json.Unmarshal(first.Outputs, &value); err != nil {
			t.Fatal(err)
		}
		if err := resolved.Validate(value); err != nil {
			t.Fatalf("%s: %v", first.Outputs, err)
		}
		var out capability.DiagnoseOutput
		if err := json.Unmarshal(first.Outputs, &out); err != nil {
			t.Fatal(err)
		}
		isSound(t, out)
	})
}
