package host

import (
	"encoding/json"
	"testing"
)

func TestRunReturnsWhatThePluginSaid(t *testing.T) {
	h := started(t, Config{Specs: []Spec{builtin("demo")}})
	c := call("1", "echo")
	c.Input = json.RawMessage(`{"n":12345678901234567890}`)
	o := h.Run(within20s(t), c, nil)
	if o.Failure != nil {
		t.Fatal(o.Failure)
	}
	var out struct {
		Input json.RawMessage
		PID   int
	}
	if err := json.Unmarshal(o.Outputs, &out); err != nil {
		t.Fatal(err)
	}
	if string(out.Input) != string(c.Input) {
		t.Errorf("input arrived as %s, want %s", out.Input, c.Input)
	}
}
