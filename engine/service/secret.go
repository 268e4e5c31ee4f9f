package service

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// The configuration is stored with every run and shown to people, so it holds
// references to secrets and never a secret.

var (
	urlPassword   = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@]*:[^\s/?#]+@`)
	inlineSetting = regexp.MustCompile(`(?i)(^|[\s?&;])(password|passwd|pwd)\s*=\s*[^\s&;]`)
	secretKey     = regexp.MustCompile(`(password|passwd|passphrase|token|secret|apikey|privatekey|accesskey|authorization|credentials|cookie)$`)
)

const secretHint = `write {secret: "env:NAME"} or {secret: "file:/path"}`

// reference reads the secret that a key holds; "": there is none.
func (r *reader) reference(f runbook.Fields, key string) string {
	if n := f.Node(key); n != nil {
		return r.referenceAt(n, key)
	}
	return ""
}

func (r *reader) referenceAt(n *yaml.Node, what string) string {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || n.Content[0].Value != "secret" {
		r.addf(runbook.PosOf(n), "bad-secret", secretHint, "%s is not a reference to a secret", what)
		return ""
	}
	return r.secret(n, n.Content[1])
}

// secret reads a reference to a secret. n is the mapping around it. What
// stands there may be the secret itself: it is not repeated.
func (r *reader) secret(n, ref *yaml.Node) string {
	switch {
	case len(n.Content) != 2:
		r.addf(runbook.PosOf(n), "bad-secret", secretHint, "a reference to a secret has no other keys")
	case ref.Kind != yaml.ScalarNode || ref.ShortTag() != "!!str":
		r.addf(runbook.PosOf(ref), "bad-secret", secretHint, "a reference to a secret must be text, not %s", runbook.KindOf(ref))
	case !aSecret.Pattern.MatchString(ref.Value):
		r.addf(runbook.PosOf(ref), "bad-secret", secretHint, "this is not a reference to a secret")
	default:
		return ref.Value
	}
	return ""
}

// literal refuses a scalar that looks like a credential, without repeating it.
func (r *reader) literal(key string, n *yaml.Node) bool {
	plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(key))
	switch {
	case n.Value == "" || n.ShortTag() == "!!null":
		return false
	case n.ShortTag() != "!!bool" && secretKey.MatchString(plain):
		r.addf(runbook.PosOf(n), "literal-secret", secretHint, "%.80s holds a secret in clear text", key)
	case urlPassword.MatchString(n.Value), inlineSetting.MatchString(n.Value):
		r.addf(runbook.PosOf(n), "literal-secret", secretHint+" for the whole text", "%.80s holds a password in clear text", key)
	default:
		return false
	}
	return true
}
