package chatops

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
)

// maxFacts is how many fields of an output a summary shows.
const maxFacts = 4

// summary is what a step returned, in half a line: a diagnosis by its cause,
// anything else by its first plain fields.
func summary(run *engine.Run, path string) string {
	var out map[string]any
	if err := json.Unmarshal(run.Step(path).Outputs, &out); err != nil {
		return ""
	}
	if top, ok := out["top"].(map[string]any); ok {
		return finding(top)
	}
	var facts []string
	for _, key := range slices.Sorted(maps.Keys(out)) {
		if key == "observed_at" || key == "resource" || len(facts) == maxFacts {
			continue
		}
		switch v := out[key].(type) {
		case string, bool, float64:
			facts = append(facts, fmt.Sprintf("%s %v", key, v))
		case []any:
			facts = append(facts, fmt.Sprintf("%d %s", len(v), key))
		}
	}
	return strings.Join(facts, ", ")
}

func finding(top map[string]any) string {
	s := fmt.Sprintf("%v", top["cause"])
	if c, ok := top["confidence"].(float64); ok {
		s += fmt.Sprintf(" (%.2f)", c)
	}
	if chain, ok := top["chain"].([]any); ok && len(chain) > 0 {
		parts := make([]string, len(chain))
		for i, link := range chain {
			parts[i] = fmt.Sprint(link)
		}
		s += ": " + strings.Join(parts, " → ")
	}
	return s
}
