package service

import (
	_ "embed"
	"encoding/json"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of firebreak.yaml, for
// editors. What plugins ask of their own sections is not in it.
func Schema() json.RawMessage { return slices.Clone(schema) }
