package service

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Limits of a firebreak.yaml.
const (
	MaxBytes = 1 << 20
	MaxDepth = 100
)

// document returns the file's only YAML document, plain enough that what is
// read is what stands there: no aliases, tags, merges or duplicates. It is nil
// for an empty file, and after a problem.
func (p *problems) document(src []byte) *yaml.Node {
	start := Pos{1, 1}
	if len(src) > MaxBytes {
		p.addf(start, "too-big", "describe services here, and keep data elsewhere", "the file has more than %d bytes", MaxBytes)
		return nil
	}
	if !utf8.Valid(src) {
		p.addf(start, "not-utf8", "save the file as UTF-8", "the file is not UTF-8 text")
		return nil
	}
	if at := hiddenBreak.FindIndex(src); at != nil {
		line := bytes.Count(src[:at[0]], []byte("\n")) + 1
		p.addf(Pos{line, 1}, "not-utf8", "end lines with a line feed alone", "a line is broken where editors show no break: what follows could be overlooked")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc, second yaml.Node
	if err := decode(dec, &doc); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		p.syntax(err)
		return nil
	}
	if err := decode(dec, &second); err == nil {
		p.addf(posOf(&second), "second-document", "remove the --- and what follows it", "the file holds more than one document")
		return nil
	} else if !errors.Is(err, io.EOF) {
		p.syntax(err)
		return nil
	}
	root := doc.Content[0]
	p.admit(root, 1)
	if len(p.found) > 0 || root.Kind == yaml.ScalarNode && root.Value == "" && root.ShortTag() == "!!null" {
		return nil
	}
	return root
}

// hiddenBreak is what YAML breaks a line at, and most editors do not.
var hiddenBreak = regexp.MustCompile("\r(?:[^\n]|$)|[\u0085\u2028\u2029]")

// decode reads one document. The library panics on some inputs that are not
// YAML.
func decode(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	return dec.Decode(n)
}

var (
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	// parserSays is what yaml.v3's parser says, which counts lines from 0;
	// its scanner counts them from 1. Neither says its first one.
	parserSays = regexp.MustCompile(`^did not find expected (<|node content|'-' indicator|key|',' or)`)
)

func (p *problems) syntax(err error) {
	text, line := err.Error(), 0
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		line, _ = strconv.Atoi(m[1]) // no digits: 0
	}
	if line == 0 || parserSays.MatchString(text) {
		line++
	}
	p.addf(Pos{line, 1}, "syntax", "", "not YAML: %s", text)
}

// admit refuses what YAML offers beyond plain mappings, lists and scalars.
func (p *problems) admit(n *yaml.Node, depth int) {
	switch {
	case depth > MaxDepth:
		p.addf(posOf(n), "too-deep", "", "nested more than %d deep", MaxDepth)
		return
	case n.Kind == yaml.AliasNode:
		p.addf(posOf(n), "alias", "write the value again", "aliases are not read")
		return
	case n.Anchor != "":
		p.addf(posOf(n), "anchor", fmt.Sprintf("remove &%s", n.Anchor), "anchors are not read")
	case n.Style&yaml.TaggedStyle != 0:
		p.addf(posOf(n), "tag", fmt.Sprintf("remove %s", n.Tag), "tags are not read")
	}
	if n.Kind == yaml.MappingNode {
		p.keys(n)
	}
	for _, c := range n.Content {
		p.admit(c, depth+1)
	}
}

func (p *problems) keys(n *yaml.Node) {
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case k.Kind != yaml.ScalarNode:
			p.addf(posOf(k), "key-not-text", "", "a key must be text")
		case k.ShortTag() == "!!merge":
			p.addf(posOf(k), "merge-key", "write the keys out", "merge keys are not read")
		case k.ShortTag() != "!!str":
			p.addf(posOf(k), "key-not-text", fmt.Sprintf("write %.80q", k.Value), "YAML does not read the key %.80s as text", k.Value)
		case first[k.Value] != nil:
			p.addf(posOf(k), "duplicate-key", fmt.Sprintf("the first is in line %d", first[k.Value].Line), "the key %.80q is here twice", k.Value)
		default:
			first[k.Value] = k
		}
	}
}
