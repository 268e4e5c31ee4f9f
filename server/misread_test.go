package server

import (
	"encoding/json"
	"testing"
)

// TestMisread holds that a request that cannot be read is answered in words of
// JSON, not of the program.
func TestMisread(t *testing.T) {
	for body, want := range map[string]string{
		`{"runbook": 7}`:             "runbook may not be a number",
		`{"runbook": 7.5}`:           "runbook may not be a number",
		`{"files": {"a": ["b"]}}`:    "files may not be an array",
		`{"runbook": true}`:          "runbook may not be true or false",
		`["runbook"]`:                "it is an array, not an object",
		`"runbook"`:                  "it is a string, not an object",
		`{"runbook": }`:              "invalid character '}' looking for beginning of value",
		`{"inputs": {"a":1}, "f": 1`: "unexpected end of JSON input",
	} {
		var req StartRequest
		if got := misread(json.Unmarshal([]byte(body), &req)); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	var prune PruneRequest
	if got, want := misread(json.Unmarshal([]byte(`{"before": "today"}`), &prune)), `"today" is no time, such as 2026-11-28T10:00:00Z`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
