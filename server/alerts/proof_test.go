package alerts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/service"
)

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestProven(t *testing.T) {
	const body = `{"event":{}}`
	good, old := sign("new", body), sign("old", body)
	for _, c := range []struct {
		name, header, value string
		secrets             []string
		signed, want        bool
	}{
		{"a token", "Authorization", "Bearer s3cret", []string{"s3cret"}, false, true},
		{"the scheme in lower case", "Authorization", "bearer s3cret", []string{"s3cret"}, false, true},
		{"the second of two secrets", "Authorization", "Bearer two", []string{"one", "two"}, false, true},
		{"as a password", "Authorization", "Basic c25zOnMzY3JldA==", []string{"s3cret"}, false, true},
		{"another token", "Authorization", "Bearer s3cre", []string{"s3cret"}, false, false},
		{"no token", "Authorization", "Bearer ", []string{"s3cret"}, false, false},
		{"an empty secret fits nothing", "Authorization", "Bearer ", []string{""}, false, false},
		{"nothing", "X-None", "", []string{"s3cret"}, false, false},
		{"no secret", "Authorization", "Bearer s3cret", nil, false, false},
		{"a signature", "X-PagerDuty-Signature", "v1=" + good, []string{"new"}, true, true},
		{"several signatures and secrets", "X-PagerDuty-Signature", "v1=" + strings.Repeat("0", 64) + ", v1=" + old, []string{"new", "old"}, true, true},
		{"a signature alone", "X-PagerDuty-Signature", good, []string{"new"}, true, true},
		{"a signature of another body", "X-PagerDuty-Signature", "v1=" + sign("new", body+" "), []string{"new"}, true, false},
		{"of another version", "X-PagerDuty-Signature", "v0=" + good, []string{"new"}, true, false},
		{"half a signature", "X-PagerDuty-Signature", "v1=" + good[:32], []string{"new"}, true, false},
		{"the secret in place of the signature", "Authorization", "Bearer new", []string{"new"}, true, false},
		{"the right one after too many", "X-PagerDuty-Signature", strings.Repeat("v1="+old+",", maxSignatures) + "v1=" + good, []string{"new"}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &service.Source{Name: "s"}
			if c.signed {
				s.Signature = "X-PagerDuty-Signature"
			}
			h := http.Header{}
			h.Set(c.header, c.value)
			if got := Proven(s, c.secrets, h, []byte(body)); got != c.want {
				t.Errorf("proven: %v", got)
			}
		})
	}
}
