package service

import (
	"path"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// The configuration is stored with every run and shown to people, so it holds
// references to secrets and never a secret.

var (
	envName       = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	urlPassword   = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@]*:[^\s/?#]+@`)
	inlineSetting = regexp.MustCompile(`(?i)(^|[\s?&;])(password|passwd|pwd)\s*=\s*[^\s&;]`)
	secretKey     = regexp.MustCompile(`(password|passwd|passphrase|token|secret|apikey|privatekey|accesskey|authorization|credentials|cookie)$`)
)

const secretHint = `write {secret: "env:NAME"} or {secret: "file:/path"}`

// secret reads a reference to a secret. n is the mapping around it.
func (r *reader) secret(n, ref *yaml.Node) any {
	if len(n.Content) != 2 {
		r.addf(posOf(n), "bad-secret", secretHint, "a reference to a secret has no other keys")
		return nil
	}
	if ref.Kind != yaml.ScalarNode || ref.ShortTag() != "!!str" {
		r.addf(posOf(ref), "bad-secret", secretHint, "a reference to a secret must be text, not %s", kindOf(ref))
		return nil
	}
	where, name, _ := strings.Cut(ref.Value, ":")
	switch {
	case where == "env" && envName.MatchString(name):
	case where == "file" && path.IsAbs(name) && path.Clean(name) == name && name != "/":
	default:
		// What stands there may be the secret itself: it is not repeated.
		r.addf(posOf(ref), "bad-secret", secretHint, "this is not a reference to a secret")
		return nil
	}
	return map[string]any{"secret": ref.Value}
}

// literal refuses a scalar that looks like a credential, without repeating it.
func (r *reader) literal(key string, n *yaml.Node) bool {
	plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(key))
	switch {
	case n.Value == "" || n.ShortTag() == "!!null":
		return false
	case n.ShortTag() != "!!bool" && secretKey.MatchString(plain):
		r.addf(posOf(n), "literal-secret", secretHint, "%.80s holds a secret in clear text", key)
	case urlPassword.MatchString(n.Value), inlineSetting.MatchString(n.Value):
		r.addf(posOf(n), "literal-secret", secretHint+" for the whole text", "%.80s holds a password in clear text", key)
	default:
		return false
	}
	return true
}
