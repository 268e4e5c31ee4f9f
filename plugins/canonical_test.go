package plugins

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	tests := []struct {
		name string
		in   any
		want string
	}{
		{"sorted keys", map[string]any{"b": 1, "a": []any{true, nil}}, `{"a":[true,null],"b":1}`},
		{"raw, spaced and nested", json.RawMessage(" {\"b\" : {\"d\":1,\"c\":2} , \"a\":\"x\" }\n"), `{"a":"x","b":{"c":2,"d":1}}`},
		{"bytes", []byte(`[ 1 ]`), `[1]`},
		{"no HTML escapes", map[string]string{"a": "<&>"}, `{"a":"<&>"}`},
		{"escaped HTML comes back", json.RawMessage(`"\u003c"`), `"<"`},
		{"one form of one", json.RawMessage(`[1,1.0,1e0,10e-1,100E-2]`), `[1,1,1,1,1]`},
		{"no negative zero", json.RawMessage(`[-0,-0.0,0e5]`), `[0,0,0]`},
		{"every digit of an integer", json.RawMessage(`123456789012345678901234567890`), `123456789012345678901234567890`},
		{"fractions", json.RawMessage(`[0.10,2.50e-7]`), `[0.1,2.5e-7]`},
		{"struct", struct {
			Z int `json:"z"`
			A int `json:"a"`
		}{1, 2}, `{"a":2,"z":1}`},
		{"null", nil, `null`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Canonical(test.in)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for name, in := range map[string]any{
		"not JSON": json.RawMessage(`{`), "two values": json.RawMessage(`1 2`), "nothing": json.RawMessage(``),
		"not a number": math.NaN(), "a channel": make(chan int), "too large": json.RawMessage(`1e999`),
	} {
		if got, err := Canonical(in); err == nil {
			t.Errorf("%s became %s", name, got)
		}
	}
}

func TestFingerprint(t *testing.T) {
	one := Fingerprint(json.RawMessage(`{"a":1.0,"b":2}`))
	if other := Fingerprint(map[string]int{"b": 2, "a": 1}); one != other {
		t.Errorf("equal values have fingerprints %s and %s", one, other)
	}
	if hex, ok := strings.CutPrefix(one, "sha256:"); !ok || len(hex) != 32 {
		t.Errorf("fingerprint %s; want sha256: and 32 digits", one)
	}
	if one == Fingerprint(map[string]int{"a": 1}) || Fingerprint(math.NaN()) == Fingerprint("not JSON: NaN") {
		t.Error("different values have one fingerprint")
	}
}

// FuzzCanonical: what is canonical stays as it is, and means the same.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"x"],"b":null}`, `-0.0`, `1e21`, `1E400`, `"\ud800"`, `{"a":1,"a":2}`, ` [ ] `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		once, err := Canonical(raw)
		if err != nil {
			return
		}
		twice, err := Canonical(once)
		if err != nil {
			t.Fatalf("%q is not canonical JSON: %v", once, err)
		}
		if string(once) != string(twice) {
			t.Fatalf("%q became %q, then %q", raw, once, twice)
		}
	})
}
