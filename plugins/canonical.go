package plugins

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Canonical encodes v as JSON with exactly one form: keys sorted, no
// insignificant space, no HTML escapes, numbers in their shortest form (1,
// 1.0 and 1e0 are all 1; an integer keeps every digit). A v that is JSON
// already, as json.RawMessage or []byte, is brought into that form.
func Canonical(v any) (json.RawMessage, error) {
	raw, err := encoded(v)
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("canonical JSON: more than one value")
	}
	if value, err = shortest(value); err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Fingerprint names the value v: equal values, encoded by [Canonical], have
// equal fingerprints, such as sha256:0a1b… (32 hex digits). A v that cannot
// be encoded has a fingerprint of its own that equals that of no value.
func Fingerprint(v any) string {
	canonical, err := Canonical(v)
	if err != nil {
		canonical = []byte("not JSON: " + err.Error())
	}
	sum := sha256.Sum256(canonical)
	return "sha256:" + hex.EncodeToString(sum[:16])
}

func encoded(v any) ([]byte, error) {
	switch raw := v.(type) {
	case json.RawMessage:
		return raw, nil
	case []byte:
		return raw, nil
	}
	return json.Marshal(v)
}

// shortest rewrites every number below value in its shortest form.
func shortest(value any) (any, error) {
	var err error
	switch v := value.(type) {
	case map[string]any:
		for key, element := range v {
			if v[key], err = shortest(element); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, element := range v {
			if v[i], err = shortest(element); err != nil {
				return nil, err
			}
		}
	case json.Number:
		return shortestNumber(v)
	}
	return value, nil
}

func shortestNumber(n json.Number) (json.Number, error) {
	text := n.String()
	if !strings.ContainsAny(text, ".eE") {
		if text == "-0" {
			return "0", nil
		}
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", fmt.Errorf("number %s: %w", text, err)
	}
	if f == 0 {
		return "0", nil // also for -0.0
	}
	raw, err := json.Marshal(f)
	return json.Number(raw), err
}
