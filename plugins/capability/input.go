package capability

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
)

// defaulted is implemented by inputs that have defaults.
type defaulted interface {
	// defaults are JSON values by field name.
	defaults() map[string]json.RawMessage
}

func defaultsOf[T any]() map[string]json.RawMessage {
	var zero T
	if d, ok := any(zero).(defaulted); ok {
		return d.defaults()
	}
	return nil
}

// Input decodes the input of a call of the named action into T, the contract's
// input struct, with the contract's defaults where a field is left out. An
// empty raw counts as {}. The error is a *plugins.Failure of class invalid.
func Input[T any](action string, raw json.RawMessage) (T, error) {
	var in T
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	if err := validate(action, raw); err != nil {
		return in, &plugins.Failure{Class: plugins.Invalid, Reason: fmt.Sprintf("input of %s: %v", action, err)}
	}
	defaults, err := json.Marshal(defaultsOf[T]())
	if err != nil {
		return in, &plugins.Failure{Class: plugins.Internal, Reason: fmt.Sprintf("defaults of %s: %v", action, err)}
	}
	for _, doc := range []json.RawMessage{defaults, raw} {
		if err := json.Unmarshal(doc, &in); err != nil {
			return in, &plugins.Failure{Class: plugins.Invalid, Reason: fmt.Sprintf("input of %s: %v", action, err)}
		}
	}
	return in, nil
}

// inputs are the resolved schemas of the inputs, by action, made once like the
// contracts themselves.
var inputs = sync.OnceValues(func() (map[string]*jsonschema.Resolved, error) {
	out := map[string]*jsonschema.Resolved{}
	for _, a := range contracts() {
		var s jsonschema.Schema
		if err := json.Unmarshal(a.Input, &s); err != nil {
			return nil, fmt.Errorf("schema of the input of %s: %w", a.Name, err)
		}
		resolved, err := s.Resolve(nil)
		if err != nil {
			return nil, fmt.Errorf("schema of the input of %s: %w", a.Name, err)
		}
		out[a.Name] = resolved
	}
	return out, nil
})

func validate(action string, raw json.RawMessage) error {
	all, err := inputs()
	if err != nil {
		return err
	}
	schema, ok := all[action]
	if !ok {
		return errors.New("there is no contract for this action")
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	if reflect.ValueOf(value).Kind() != reflect.Map {
		return fmt.Errorf("want an object, have %s", raw)
	}
	return schema.Validate(value)
}
