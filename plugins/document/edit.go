package document

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var errByHand = errors.New("edit this file by hand")

// Set returns the file with one setting changed and every other byte as it
// was; null takes the setting out. What cannot be done that way is refused:
// each result is parsed again and compared before it is returned.
func (d *Document) Set(keys []string, value capability.Scalar) ([]byte, error) {
	old, err := d.Get(keys)
	if err != nil {
		return nil, err
	}
	if Same(old, value) {
		return d.src, nil
	}
	parent, key, node, err := d.find(keys)
	if err != nil {
		return nil, err
	}
	var tries [][]byte
	switch {
	case value.IsNull():
		tries, err = d.remove(key, node)
	case node == nil:
		tries, err = d.insert(parent, keys[len(keys)-1], value)
	default:
		tries, err = d.replace(node, value)
	}
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w", JoinSetting(keys), err)
	}
	for _, out := range tries {
		if d.proves(out, keys, value) {
			return out, nil
		}
	}
	return nil, fmt.Errorf("setting %s cannot be changed without touching what stands around it; %w", JoinSetting(keys), errByHand)
}

// replace puts value where the scalar node stands.
func (d *Document) replace(node *yaml.Node, value capability.Scalar) ([][]byte, error) {
	from, to, err := d.span(node)
	if err != nil {
		return nil, err
	}
	var tries [][]byte
	for _, text := range spellings(value, node.Style) {
		if from == to {
			text = " " + text // an empty value ends right behind its colon
		}
		tries = append(tries, d.splice(from, to, text))
	}
	return tries, nil
}

// insert adds a line to a block map: behind its last entry of one line, or
// else before its first.
func (d *Document) insert(parent *yaml.Node, name string, value capability.Scalar) ([][]byte, error) {
	if parent == nil || parent.Kind != yaml.MappingNode || parent.Style&yaml.FlowStyle != 0 || len(parent.Content) == 0 {
		return nil, fmt.Errorf("there is no block of keys to add it to; %w", errByHand)
	}
	first := parent.Content[0]
	line := first.Line
	for i := len(parent.Content) - 2; i >= 0; i -= 2 {
		k, v := parent.Content[i], parent.Content[i+1]
		if _, _, err := d.span(v); err == nil && v.Line == k.Line {
			line = k.Line + 1
			break
		}
	}
	at, eol := d.lineStart(line), "\n"
	if bytes.Contains(d.src, []byte("\r\n")) {
		eol = "\r\n"
	}
	before, after := "", eol
	if at == len(d.src) && !bytes.HasSuffix(d.src, []byte("\n")) {
		before, after = eol, ""
	}
	var tries [][]byte
	for _, key := range spelledKeys(name) {
		for _, text := range spellings(value, 0) {
			entry := strings.Repeat(" ", first.Column-1) + key + ": " + text
			tries = append(tries, d.splice(at, at, before+entry+after))
		}
	}
	return tries, nil
}

// spelledKeys are the ways to write a new key: plain only if every reader
// takes it for text.
func spelledKeys(name string) []string {
	plain := yaml.Node{Kind: yaml.ScalarNode, Value: name}
	if plain.ShortTag() != "!!str" {
		return []string{quoted(name)}
	}
	return []string{name, quoted(name)}
}

// remove takes out the line of an entry that has one to itself.
func (d *Document) remove(key, node *yaml.Node) ([][]byte, error) {
	if key == nil || key.Line != node.Line {
		return nil, fmt.Errorf("it has no line of its own to take out; %w", errByHand)
	}
	_, to, err := d.span(node)
	if err != nil {
		return nil, err
	}
	from, end := d.lineStart(key.Line), d.lineStart(key.Line+1)
	rest := bytes.TrimSpace(d.src[to:max(to, end)])
	if len(bytes.TrimLeft(d.src[from:d.offset(key)], " ")) > 0 || (len(rest) > 0 && rest[0] != '#') {
		return nil, fmt.Errorf("other things stand on its line; %w", errByHand)
	}
	return [][]byte{d.splice(from, end, "")}, nil
}

// proves says whether out is the document with that one setting changed and
// nothing else.
func (d *Document) proves(out []byte, keys []string, value capability.Scalar) bool {
	after, err := Parse(out)
	if err != nil {
		return false
	}
	got, err := after.Get(keys)
	if err != nil || !Same(got, value) {
		return false
	}
	name := JoinSetting(keys)
	was, is := d.leaves(), after.leaves()
	var oldTag string
	was, oldTag = without(was, name)
	is, newTag := without(is, name)
	if text, ok := value.Value().(string); ok && newTag != "!!str" && newTag != oldTag && text != "" {
		return false // text that another reader would take for a number
	}
	if len(was) != len(is) {
		return false
	}
	for i := range was {
		a, b := was[i].node, is[i].node
		if was[i].setting != is[i].setting || a.Kind != b.Kind || a.Value != b.Value || a.Tag != b.Tag || a.Anchor != b.Anchor {
			return false
		}
	}
	return true
}

func without(leaves []leaf, setting string) (rest []leaf, tag string) {
	for _, l := range leaves {
		if l.setting == setting {
			tag = l.node.ShortTag()
			continue
		}
		rest = append(rest, l)
	}
	return rest, tag
}

// span finds the bytes of a scalar that stands on one line.
func (d *Document) span(n *yaml.Node) (from, to int, err error) {
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Style&(yaml.TaggedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return 0, 0, fmt.Errorf("line %d: it has an anchor, alias or tag, or several lines; %w", n.Line, errByHand)
	}
	from = d.offset(n)
	rest := d.src[from:]
	switch {
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		to = from + quotedLen(rest)
	case bytes.HasPrefix(rest, []byte(n.Value)):
		to = from + len(n.Value)
	default:
		to = -1
	}
	if to < from {
		return 0, 0, fmt.Errorf("line %d: it stands on several lines; %w", n.Line, errByHand)
	}
	return from, to, nil
}

// quotedLen is the length of the quoted scalar that s begins with; -1 if it
// does not.
func quotedLen(s []byte) int {
	if len(s) == 0 || (s[0] != '"' && s[0] != '\'') {
		return -1
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == s[0] && s[0] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return -1
}

func (d *Document) splice(from, to int, text string) []byte {
	out := make([]byte, 0, len(d.src)+len(text))
	out = append(out, d.src[:from]...)
	out = append(out, text...)
	return append(out, d.src[to:]...)
}

// offset is where a node begins; columns count characters.
func (d *Document) offset(n *yaml.Node) int {
	at := d.lineStart(n.Line)
	for range n.Column - 1 {
		if at >= len(d.src) {
			return len(d.src)
		}
		_, size := utf8.DecodeRune(d.src[at:])
		at += size
	}
	return at
}

// lineStart is where a line begins, counted as YAML counts lines.
func (d *Document) lineStart(line int) int {
	at := 0
	if bytes.HasPrefix(d.src, []byte("\ufeff")) {
		at = len("\ufeff")
	}
	for ; line > 1; line-- {
		for at < len(d.src) && breakLen(d.src[at:]) == 0 {
			at++
		}
		if at >= len(d.src) {
			return len(d.src)
		}
		at += breakLen(d.src[at:])
	}
	return at
}

func breakLen(s []byte) int {
	for _, b := range []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if bytes.HasPrefix(s, []byte(b)) {
			return len(b)
		}
	}
	return 0
}
