package conformance

import (
	"context"
	"encoding/json"
	"os"

	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// canned is a plugin that serves every contract with what its section says:
// for outputs that no honest plugin would give.
type canned struct{}

const cannedResource = "canned:1"

func TestMain(m *testing.M) {
	if handshake := plugins.Handshake(); os.Getenv(handshake.MagicCookieKey) == handshake.MagicCookieValue {
		plugins.Serve(canned{})
		return
	}
	m.Run()
}

func (canned) Describe() plugins.Description {
	return plugins.Description{Name: "canned", Version: "1", Actions: capability.All()}
}

func (canned) Bind(b plugins.Binding) (plugins.Bound, error) {
	var c cannedBound
	return c.read(b.Config)
}

// cannedBound is what each call is answered with.
type cannedBound struct {
	Outputs map[string]json.RawMessage `json:"outputs"` // by action
	Binding json.RawMessage            `json:"binding"`
	Receipt json.RawMessage            `json:"receipt"`
}

func (c cannedBound) read(raw json.RawMessage) (plugins.Bound, error) {
	err := json.Unmarshal(raw, &c)
	return c, err
}

func (cannedBound) Resource() string             { return cannedResource }
func (cannedBound) Health(context.Context) error { return nil }
func (cannedBound) Close() error                 { return nil }

func (c cannedBound) Plan(context.Context, plugins.Call) (plugins.Plan, error) {
	return plugins.Plan{Binding: c.Binding, Detail: "canned", Fingerprint: "f"}, nil
}

func (c cannedBound) Run(_ context.Context, call plugins.Call, _ plugins.Stream) plugins.Outcome {
	return plugins.Outcome{Applied: plugins.All, Outputs: c.Outputs[call.Action], Receipt: c.Receipt}
}

func (cannedBound) Probe(context.Context, plugins.Call, json.RawMessage) plugins.Probed {
	return plugins.Probed{Applied: plugins.Unknown}
}

var now = time.Now().UTC()

func seen() capability.Observed {
	return capability.Observed{ObservedAt: now, Resource: cannedResource}
}

func scalar(text string) (s capability.Scalar) {
	_ = json.Unmarshal([]byte(text), &s) // the tests write what can be read
	return s
}
