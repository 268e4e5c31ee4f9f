package runbook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
)

// bundle is a runbook with those that it calls, as they are pinned together:
// a run goes on with these bytes, whatever the files say by then.
type bundle struct {
	Firebreak string            `json:"firebreak"`
	Runbook   string            `json:"runbook"`
	Calls     map[string]string `json:"calls"`
}

const bundled = "bundle"

// pin sets what a run keeps of the runbook: its bytes, or a bundle where it
// calls others.
func (r *Runbook) pin(src []byte, called map[string]string) {
	r.Pinned = src
	if len(called) > 0 {
		raw, err := json.Marshal(bundle{Firebreak: bundled, Runbook: string(src), Calls: called})
		if err == nil { // texts can always be written
			r.Pinned = raw
		}
	}
	sum := sha256.Sum256(r.Pinned)
	r.Digest = "sha256:" + hex.EncodeToString(sum[:])
}

// Texts are the text of a runbook and of those that it calls, by name, from
// what is pinned of it.
func Texts(pinned []byte) (own []byte, called map[string]string) {
	var b bundle
	if !bytes.HasPrefix(pinned, []byte(`{"firebreak":"`+bundled+`"`)) || json.Unmarshal(pinned, &b) != nil {
		return pinned, nil
	}
	return []byte(b.Runbook), b.Calls
}

// Load reads and checks a runbook from what is pinned of it. file is its name
// in messages; the runbooks that it calls are named NAME.yaml there.
func Load(file string, pinned []byte, catalog Catalog) (*Runbook, []Problem) {
	own, called := Texts(pinned)
	if called == nil {
		return Parse(file, own, catalog, nil)
	}
	return Parse(file, own, catalog, func(name string) (string, []byte, error) {
		src, ok := called[name]
		if !ok {
			return "", nil, errors.New("it is not pinned")
		}
		return name + ".yaml", []byte(src), nil
	})
}
