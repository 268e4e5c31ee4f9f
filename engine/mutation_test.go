package engine

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBindingDiff(t *testing.T) {
	tests := []struct {
		name, was, is string
		want          []string
	}{
		{"a value", `{"from":25,"to":40}`, `{"from":27,"to":40}`, []string{"a: from was 25 when it was shown, and is 27 now"}},
		{"a field gone, one new", `{"x":1}`, `{"y":[2]}`, []string{
			"a: x was 1 when it was shown, and is nothing now", "a: y was nothing when it was shown, and is [2] now",
		}},
		{"space is nothing", `{"x": 1}`, `{"x":1}`, nil},
		{"no objects", `[1]`, `[2]`, []string{"a: shown was [1], now it is [2]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, bindingDiff("a", json.RawMessage(tt.was), json.RawMessage(tt.is))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
