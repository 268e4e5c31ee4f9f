package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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

// checkSection is check for what people write: of a key that is not known it
// says which are.
func (s *schema) checkSection(raw json.RawMessage) error {
	err := s.check(raw)
	var section map[string]json.RawMessage
	closed := s != nil && s.resolved.Schema().AdditionalProperties != nil && s.resolved.Schema().AdditionalProperties.Not != nil
	if err == nil || !closed || json.Unmarshal(raw, &section) != nil {
		return err
	}
	known := slices.Sorted(maps.Keys(s.resolved.Schema().Properties))
	for _, key := range slices.Sorted(maps.Keys(section)) {
		if len(known) > 0 && !slices.Contains(known, key) {
			return fmt.Errorf("unknown key %q; known keys: %s", key, strings.Join(known, ", "))
		}
	}
	return err
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
