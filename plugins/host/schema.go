package host

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"
)

// schema checks JSON values; nil accepts everything.
type schema struct{ resolved *jsonschema.Resolved }

func compile(raw json.RawMessage) (*schema, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var parsed jsonschema.Schema
	if err := json.Unmarshal(raw, &parsed); err != nil {
		return nil, fmt.Errorf("not a JSON Schema: %w", err)
	}
	resolved, err := parsed.Resolve(nil)
	if err != nil {
		return nil, fmt.Errorf("not a usable JSON Schema: %w", err)
	}
	return &schema{resolved: resolved}, nil
}

func (s *schema) check(raw json.RawMessage) error {
	if s == nil {
		return nil
	}
	if len(raw) == 0 {
		return errors.New("missing")
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return s.resolved.Validate(value)
}

func compileAll(raw map[string]json.RawMessage) (map[string]*schema, error) {
	by := map[string]*schema{}
	for name, one := range raw {
		compiled, err := compile(one)
		if err != nil {
			return nil, fmt.Errorf("the configuration of %q: %w", name, err)
		}
		by[name] = compiled
	}
	return by, nil
}
