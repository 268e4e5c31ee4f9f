package service

import (
	"encoding/json"
	"testing"
)

// FuzzParse holds Parse to its word: a configuration or problems, and every
// section is a JSON object.
func FuzzParse(f *testing.F) {
	for _, src := range accepted(f) {
		f.Add(src)
	}
	for _, c := range refused(f) {
		f.Add(c.src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		cfg, found := Parse("firebreak.yaml", src)
		if (cfg == nil) == (len(found) == 0) {
			t.Fatalf("config %v and %d problems", cfg != nil, len(found))
		}
		for _, p := range found {
			if p.Pos.Line < 1 || p.Pos.Col < 1 || p.ID == "" || p.What == "" {
				t.Errorf("not a problem: %+v", p)
			}
		}
		if cfg == nil {
			return
		}
		for _, s := range cfg.Services {
			for _, section := range s.Sections {
				isObject(t, section.Config)
			}
		}
		for _, section := range cfg.Tools {
			isObject(t, section.Config)
		}
	})
}

func isObject(t *testing.T, config json.RawMessage) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(config, &m); err != nil || m == nil {
		t.Errorf("%q is not an object: %v", config, err)
	}
}
