package capability

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Scalar is one value of a setting: null, a boolean, an integer, a number or
// text. The zero Scalar is null. Scalars are compared by ==. 20 and 20.0 are the
// same integer, since not everybody who passes JSON on tells them apart.
type Scalar struct {
	value any // nil, bool, int64, float64 or string
}

// ScalarOf returns v as a Scalar. Every integer type becomes one that stays
// an integer. It fails for what is not a scalar, or does not fit 64 bits.
func ScalarOf(v any) (Scalar, error) {
	switch v.(type) {
	case nil, bool, string, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64, json.Number:
	default:
		return Scalar{}, fmt.Errorf("%T is not a scalar: want null, a boolean, a number or text", v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return Scalar{}, fmt.Errorf("scalar %v: %w", v, err)
	}
	var s Scalar
	return s, s.UnmarshalJSON(b)
}

// Value returns nil, or a bool, int64, float64 or string.
func (s Scalar) Value() any { return s.value }

// IsNull says whether s is null: for a setting, that it is not there.
func (s Scalar) IsNull() bool { return s.value == nil }

// Number returns the value of an integer or a number.
func (s Scalar) Number() (float64, bool) {
	switch v := s.value.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// String returns text for people: the value without quotes.
func (s Scalar) String() string {
	switch v := s.value.(type) {
	case nil:
		return "null"
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// MarshalJSON writes the value.
func (s Scalar) MarshalJSON() ([]byte, error) { return json.Marshal(s.value) }

// UnmarshalJSON reads a value, and keeps an integer an integer.
func (s *Scalar) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil, bool, string:
		s.value = v
	case json.Number:
		if i, err := v.Int64(); err == nil {
			s.value = i
			return nil
		}
		f, err := v.Float64()
		if err != nil {
			return fmt.Errorf("number %s is out of range", v)
		}
		s.value = f
		if i := int64(f); float64(i) == f && math.Abs(f) < 1<<53 {
			s.value = i
		}
	default:
		return fmt.Errorf("%s is not a scalar: want null, a boolean, a number or text", b)
	}
	return nil
}
