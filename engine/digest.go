package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// gateDigest is what a vote approves: the runbook, and in their order every
// step with its action, the plugin that would serve it, what exactly it would
// do, and the state that it would overwrite.
func gateDigest(runbook, service, path string, members []Member) string {
	h := sha256.New()
	write := func(parts ...string) {
		// Lengths keep two different lists from giving the same bytes.
		b, err := json.Marshal(parts)
		if err == nil {
			h.Write(append(b, '\n'))
		}
	}
	write("gate/v1", runbook, service, path)
	for _, m := range members {
		write(m.Path, m.Action, m.Served, string(compact(m.Binding)), m.Fingerprint)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// compact removes the space that a codec may have added; a plugin's canonical
// JSON has none.
func compact(raw json.RawMessage) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return raw
	}
	return b.Bytes()
}
