package alerts

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// Proven reports whether a request proves that it comes from a source: by one
// of the source's secrets, sent as a bearer token or as the password of basic
// authentication, or by a signature of the body that was made with one. It
// compares in constant time, and with every secret, whichever fits.
func Proven(s *service.Source, secrets []string, h http.Header, body []byte) bool {
	proven := 0
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		if s.Signature == "" {
			for _, given := range credentials(h) {
				proven |= same([]byte(given), []byte(secret))
			}
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		want := mac.Sum(nil)
		for _, given := range signatures(h.Values(s.Signature)) {
			proven |= subtle.ConstantTimeCompare(given, want)
		}
	}
	return proven == 1
}

// same is 1 for equal texts; how long they are shows in nothing.
func same(x, y []byte) int {
	a, b := sha256.Sum256(x), sha256.Sum256(y)
	return subtle.ConstantTimeCompare(a[:], b[:])
}

func credentials(h http.Header) []string {
	var given []string
	for _, value := range h.Values("Authorization") {
		if scheme, token, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "Bearer") {
			given = append(given, strings.TrimSpace(token))
		}
	}
	r := http.Request{Header: h}
	if _, password, ok := r.BasicAuth(); ok {
		given = append(given, password)
	}
	return given
}

// maxSignatures bounds how many a request may offer.
const maxSignatures = 16

// signatures reads v1=HEX,v1=HEX, sha256=HEX, or HEX alone.
func signatures(values []string) (all [][]byte) {
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		part = strings.TrimSpace(part)
		if version, rest, found := strings.Cut(part, "="); found && (version == "v1" || version == "sha256") {
			part = rest
		}
		if mac, err := hex.DecodeString(part); err == nil && len(mac) == sha256.Size && len(all) < maxSignatures {
			all = append(all, mac)
		}
	}
	return all
}
