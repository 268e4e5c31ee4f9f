package document

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// jsonNumber is what YAML and JSON readers of every version agree on. Other
// spellings (012, 0x1F, 1_000, .5) mean different numbers to different
// readers, so they are kept as text and written back as they were.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// scalarOf reads the typed value of a scalar node.
func scalarOf(n *yaml.Node) capability.Scalar {
	switch n.ShortTag() {
	case "!!null":
		return capability.Scalar{}
	case "!!bool":
		if b, err := strconv.ParseBool(strings.ToLower(n.Value)); err == nil && len(n.Value) > 1 {
			return must(b, n.Value)
		}
	case "!!int", "!!float":
		if jsonNumber.MatchString(n.Value) {
			return number(n.Value)
		}
	}
	return must(n.Value, n.Value)
}

// number keeps a number that fits, and the text of one that does not.
func number(text string) capability.Scalar {
	if !strings.ContainsAny(text, ".eE") {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return must(i, text)
		}
		return must(text, text)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return must(f, text)
	}
	return must(text, text)
}

// must wraps a value of a type that ScalarOf accepts, or else the text that it
// was read from.
func must(v any, text string) capability.Scalar {
	s, err := capability.ScalarOf(v)
	if err != nil {
		s, _ = capability.ScalarOf(text)
	}
	return s
}

// Same says whether two values mean the same: JSON does not tell 20.0 from 20.
func Same(a, b capability.Scalar) bool {
	if a == b {
		return true
	}
	_, afloat := a.Value().(float64)
	_, bfloat := b.Value().(float64)
	x, xok := a.Number()
	y, yok := b.Number()
	return xok && yok && (afloat || bfloat) && x == y
}

// spellings are the ways to write v where old stood, best first: text keeps
// the quotes that were there. The caller takes the first that reads back as v.
func spellings(v capability.Scalar, old yaml.Style) []string {
	text, isText := v.Value().(string)
	if !isText {
		b, err := v.MarshalJSON()
		if err != nil {
			return nil
		}
		return []string{string(b)}
	}
	single := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	double := quoted(text)
	switch {
	case old&yaml.SingleQuotedStyle != 0:
		return []string{single, double}
	case old&yaml.DoubleQuotedStyle != 0:
		return []string{double}
	}
	return []string{text, double}
}

// quoted writes text as JSON, which YAML reads too.
func quoted(text string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		return strconv.Quote(text)
	}
	var out strings.Builder
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		if r == 0x7f || (r >= 0x80 && r < 0xa0) || r == 0xfeff { // YAML allows these only as escapes
			out.WriteString(`\u` + strconv.FormatInt(int64(r)+0x10000, 16)[1:])
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
