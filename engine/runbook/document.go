package runbook

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Limits of a runbook.
const (
	MaxBytes = 1 << 20
	MaxDepth = 100
	MaxSteps = 2000
)

// document returns the file's only YAML document, plain enough that what is
// read is what stands there. It is nil after a problem.
func (p *parser) document(src []byte) *yaml.Node {
	start := Pos{1, 1}
	if len(src) > MaxBytes {
		p.addf(start, "too-large", "split it", "the file has more than %d bytes", MaxBytes)
		return nil
	}
	if at := unreadable(src); at >= 0 {
		line := bytes.Count(src[:at], []byte("\n")) + 1
		p.add(Pos{line, 1}, "not-text", notText(src[at:]), "save it as UTF-8, without control characters and without a byte order mark")
		return nil
	}
	p.src = newSource(p.file, src)
	p.src.private = p.private
	if at, deep := tooDeep(string(src), MaxDepth); deep {
		p.addf(at, "too-deep", "", "nested deeper than %d", MaxDepth)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	doc, err := decode(decoder)
	if err == nil {
		var second *yaml.Node
		if second, err = decode(decoder); err == nil {
			p.add(posOf(second), "second-document", "the file holds more than one document", "remove the --- and what follows it")
			return nil
		}
	}
	if !errors.Is(err, io.EOF) {
		p.syntax(err)
		return nil
	}
	if len(doc.Content) == 0 || isEmpty(doc.Content[0]) {
		if p.holds != "" {
			p.add(start, "empty", "the file holds no "+p.holds, "begin with "+p.begin)
		}
		return nil
	}
	if !p.admit(doc.Content[0], 1) {
		return nil
	}
	if other, reads := p.otherFile(doc.Content[0]); other != "" {
		p.add(start, "wrong-type", "the file holds a "+other+", and no "+p.holds, "firebreak "+reads+" reads it")
		return nil
	}
	return doc.Content[0]
}

// otherFile returns what a file holds instead of what it should, and the command
// that reads such files; empty: it holds what it should, as far as its keys say.
func (p *parser) otherFile(root *yaml.Node) (holds, reads string) {
	begin, _, _ := strings.Cut(p.begin, ":")
	switch {
	case p.holds == "" || has(root, begin):
	case has(root, "firebreak_test"):
		return "test", "test"
	case has(root, "firebreak"):
		return "runbook", "check"
	case has(root, "services"):
		return "configuration", "run --config FILE"
	}
	return "", ""
}

// unreadable returns the byte at which the file stops being text, or -1.
func unreadable(src []byte) int {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		switch {
		case r == utf8.RuneError && size == 1, r == 0x7f, r == 0xfeff:
			return i
		case r == '\r' && !bytes.HasPrefix(src[i+1:], []byte("\n")), r == 0x85, r == 0x2028, r == 0x2029:
			return i // YAML breaks a line here, and nobody sees it
		case r >= 0x200b && r <= 0x200f && r != 0x200d, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x2069:
			return i // it has no width, or turns the order of what follows; 0x200d joins emoji
		case r < ' ' && r != '\n' && r != '\r' && r != '\t':
			return i
		}
		i += size
	}
	return -1
}

// notText says what the file has that is not text.
func notText(from []byte) string {
	switch r, size := utf8.DecodeRune(from); {
	case r == utf8.RuneError && size <= 1:
		return "the file is not UTF-8 text"
	case r == 0xfeff:
		return "the file has a byte order mark, which people do not see"
	default:
		return fmt.Sprintf("the file has the character %U, which people do not see", r)
	}
}

// decode reads one document. The library panics on some inputs that are not
// YAML.
func decode(decoder *yaml.Decoder) (n *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = nil, fmt.Errorf("yaml: %v", r)
		}
	}()
	n = &yaml.Node{}
	return n, decoder.Decode(n)
}

func isEmpty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.ShortTag() == "!!null"
}

// admit refuses what YAML offers beyond plain mappings, lists and scalars.
func (p *parser) admit(n *yaml.Node, depth int) bool {
	at := posOf(n)
	switch {
	case depth > MaxDepth:
		p.addf(at, "too-deep", "", "nested deeper than %d", MaxDepth)
		return false
	case n.Kind == yaml.AliasNode:
		p.add(at, "yaml-alias", "aliases are not read"+p.src.shown(": *"+n.Value), "write the value again, or "+p.src.quotedRest(at))
		return false
	case n.Anchor != "":
		hint := "remove " + cmp.Or(p.src.shown("&"+n.Anchor), "the anchor")
		if n.Kind == yaml.ScalarNode {
			hint += ", or " + p.src.quotedRest(at)
		}
		p.add(at, "yaml-anchor", "anchors are not read"+p.src.shown(": &"+n.Anchor), hint)
		return false
	case n.Style&yaml.TaggedStyle != 0:
		p.add(at, "yaml-tag", "YAML reads "+cmp.Or(p.src.shown(clip(firstWord(p.src.rest(at)))), "this")+" as a tag, and the value is lost", p.src.quotedRest(at))
		return false
	}
	ok := true
	for _, child := range n.Content {
		ok = p.admit(child, depth+1) && ok
	}
	if n.Kind == yaml.MappingNode {
		ok = p.keysOf(n) && ok
	}
	return ok
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

func (p *parser) keysOf(n *yaml.Node) bool {
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	ok := true
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, at := n.Content[i], posOf(n.Content[i])
		switch {
		case k.Kind == yaml.MappingNode && strings.HasPrefix(p.src.rest(posOf(n)), "{{"):
			whole, _, _ := strings.Cut(p.src.rest(posOf(n)), "}}")
			p.add(posOf(n), "not-a-template", "{{ }} is no template: YAML reads a mapping in a mapping", p.src.quotedAs(posOf(n), "$"+whole+"}}"))
		case k.Kind != yaml.ScalarNode:
			p.add(at, "wrong-type", "a key must be text", "")
		case k.Style == 0 && k.ShortTag() == "!!merge":
			p.add(at, "yaml-merge", "merge keys are not read", "write the keys out")
		case k.Style == 0 && k.ShortTag() != "!!str":
			p.add(at, "wrong-type", "YAML does not read the key "+k.Value+" as text", p.src.quoted(at, k.Value))
		case first[k.Value] != nil:
			p.addf(at, "duplicate-key", "keep one of them", "the key %s is here twice, the first time in line %d", k.Value, first[k.Value].Line)
		default:
			first[k.Value] = k
			continue
		}
		ok = false
	}
	return ok
}

var (
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	// parserSays is what the library's parser says, which counts lines from
	// 0; its scanner counts them from 1.
	parserSays    = regexp.MustCompile(`^did not find expected (<|node content|'-' indicator|key|',' or)`)
	keyAndNoBlank = regexp.MustCompile(`^( *(?:- +)*)([A-Za-z_][A-Za-z0-9_]*):([^\s:/].*)$`)

	keyAndMore = regexp.MustCompile(`^( *(?:- +)*)([A-Za-z_][A-Za-z0-9_]*: +)(\S.*)$`)
)

// syntax reports an error of the library. Most are one of a few traps: a
// value that had to be quoted.
func (p *parser) syntax(err error) {
	text, line := err.Error(), 0
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		line, _ = strconv.Atoi(m[1]) // no digits: 0
	}
	if line == 0 || parserSays.MatchString(text) {
		line++
	}
	if name, found := strings.CutPrefix(text, "unknown anchor '"); found {
		name, _, _ = strings.Cut(name, "'")
		for i, l := range p.src.lines {
			if col := strings.Index(l, "*"+name); col >= 0 {
				at := Pos{i + 1, utf8.RuneCountInString(l[:col]) + 1}
				p.add(at, "yaml-alias", "aliases are not read"+p.src.shown(": *"+name), p.src.quotedRest(at))
				return
			}
		}
	}
	if slices.ContainsFunc([]int{line, line - 1, line + 1}, p.trap) {
		return
	}
	if strings.Contains(text, "tab character") || strings.Contains(text, "cannot start any token") {
		for i, l := range p.src.lines {
			if col := strings.IndexByte(l, '\t'); col >= 0 && strings.TrimSpace(l[:col]) == "" {
				p.add(Pos{i + 1, col + 1}, "yaml-tab", "YAML takes no tab for indentation", "indent with spaces")
				return
			}
		}
	}
	p.add(Pos{max(1, min(line, len(p.src.lines))), 1}, "yaml", "not YAML: "+text, "")
}

// trap reports a line whose value YAML cannot take as it stands.
func (p *parser) trap(number int) bool {
	if m := keyAndNoBlank.FindStringSubmatch(p.src.line(number)); m != nil {
		p.add(Pos{number, utf8.RuneCountInString(m[1]) + 1}, "yaml", "YAML reads no key here: there is no blank behind the colon", "write "+m[2]+": "+p.src.shown(m[3]))
		return true
	}
	m := keyAndMore.FindStringSubmatch(p.src.line(number))
	if m == nil {
		return false
	}
	at := Pos{number, utf8.RuneCountInString(m[1]+m[2]) + 1}
	value := p.src.rest(at)
	switch {
	case value == "":
		return false
	case (value[0] == '{' || value[0] == '[') && strings.Contains(value, "${{"):
		p.add(at, "yaml-flow", "YAML cannot read ${{ }} inside { } or [ ]", blockStyle(strings.TrimSpace(m[2]), p.src.shown(value)))
	case (value[0] == '{' || value[0] == '[') && strings.Contains(value, " ?"):
		p.add(at, "yaml-flow", "YAML reads a ? inside { } or [ ] as its own", blockStyle(strings.TrimSpace(m[2]), "")+", or put what has the ? in quotes")
	case strings.ContainsRune("!&*%@`", rune(value[0])):
		p.add(at, "yaml-quote", "YAML gives a value that begins with "+value[:1]+" another meaning", p.src.quotedRest(at))
	case (value[0] == '"' || value[0] == '\'') && strings.Count(value, value[:1])%2 == 0 && value[len(value)-1] != value[0],
		value[0] == '"' && strings.Count(value, `"`) > 2:
		p.add(at, "yaml-quote", "YAML ends the value at its second quote", p.src.quotedRest(at))
	case strings.Contains(value, ": ") && value[0] != '"' && value[0] != '\'' && value[0] != '{' && value[0] != '[':
		p.add(at, "yaml-quote", "YAML reads the second colon as another key", p.src.quotedRest(at))
	default:
		return false
	}
	return true
}

var onePair = regexp.MustCompile(`^\{\s*([A-Za-z_][A-Za-z0-9_]*):\s*(\$\{\{.*\}\})\s*\}$`)

// blockStyle shows how a flow value is written in block style.
func blockStyle(key, value string) string {
	if m := onePair.FindStringSubmatch(value); m != nil && strings.Count(value, "${{") == 1 {
		return fmt.Sprintf("write %s and, in the next line, indented: %s: %s", key, m[1], m[2])
	}
	return "write " + key + " and below it, indented, one entry to a line"
}
