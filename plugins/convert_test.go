package plugins

import (
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/proto"
)

// A byte that is no text must not cost the outcome of a mutation.
func TestEveryAnswerFitsTheWire(t *testing.T) {
	const bad = "caf\xe9"
	receipt := json.RawMessage(`{"was":1}`)
	failure := &Failure{Class: bad, Reason: bad}
	for name, answer := range map[string]proto.Message{
		"outcome": outcomeToProto(Outcome{Failure: failure, Applied: Partial, Receipt: receipt, Left: bad}),
		"plan":    planToProto(Plan{Detail: bad, Fingerprint: bad, Resource: bad, BlastRadius: BlastRadius{Unit: bad}}, failure),
		"probed":  probedToProto(Probed{Applied: All, Left: bad, Reason: bad, Receipt: receipt}),
		"log":     logEvent(bad, validText(bad)),
	} {
		if _, err := proto.Marshal(answer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
