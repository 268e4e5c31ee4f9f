package sqlite

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// TestSchemaVersion holds that a file of one layout is never taken for one of
// another: whoever changes the schema gives it the next version, and writes
// its digest here.
func TestSchemaVersion(t *testing.T) {
	const of, want = 8, "e198f8825e88b74b"
	sum := sha256.Sum256([]byte(schema))
	if got := hex.EncodeToString(sum[:8]); version != of || got != want {
		t.Errorf("version %d has the schema %s; version %d had %s: raise the version", version, got, of, want)
	}
}
