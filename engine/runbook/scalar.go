package runbook

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxName bounds the name of a runbook, in bytes.
const maxName = 64

var (
	plainInt   = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	plainFloat = regexp.MustCompile(`^[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	idForm     = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	nameForm   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	shareForm  = regexp.MustCompile(`^([1-9][0-9]?|100)%$`)
	days       = regexp.MustCompile(`^([0-9]+)d`)
)

// literal returns the value of a scalar as JSON has it, and refuses what YAML
// would silently turn into something else.
func (p *parser) literal(n *yaml.Node) (any, bool) {
	if n.Style != 0 { // quoted or a block: text
		return n.Value, true
	}
	at := posOf(n)
	switch n.ShortTag() {
	case "!!str":
		if plainFloat.MatchString(n.Value) {
			p.add(at, "number", n.Value+" does not fit a number", p.src.quoted(at, n.Value))
			return nil, false
		}
		return n.Value, true
	case "!!null":
		return nil, true
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), true
	case "!!int":
		if v, err := strconv.Atoi(n.Value); plainInt.MatchString(n.Value) && err == nil {
			return v, true
		}
		if plainInt.MatchString(n.Value) {
			p.add(at, "number", n.Value+" does not fit an integer", p.src.quoted(at, n.Value))
			return nil, false
		}
		p.add(at, "yaml-number", "YAML reads "+n.Value+" as another number", "write it in decimals without leading zeros, or as text: "+strings.TrimPrefix(p.src.quoted(at, n.Value), "write "))
		return nil, false
	case "!!float":
		if plainInt.MatchString(n.Value) {
			p.add(at, "number", n.Value+" does not fit an integer", p.src.quoted(at, n.Value))
			return nil, false
		}
		if v, err := strconv.ParseFloat(n.Value, 64); plainFloat.MatchString(n.Value) && err == nil {
			return v, true
		}
		p.add(at, "yaml-number", n.Value+" is no plain number", p.src.quoted(at, n.Value))
		return nil, false
	case "!!timestamp":
		p.add(at, "yaml-date", "YAML turns the date "+n.Value+" into a time", p.src.quoted(at, n.Value))
		return nil, false
	}
	p.add(at, "wrong-type", "this is no value of the language", "")
	return nil, false
}

// scalar returns the node if it is a scalar.
func (p *parser) scalar(n *yaml.Node, what string) bool {
	if n.Kind == yaml.ScalarNode {
		return true
	}
	p.add(posOf(n), "wrong-type", what+", not "+kindWord(n), "")
	return false
}

func kindWord(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isEmpty(n):
		return "nothing"
	case n.Style != 0:
		return "text"
	}
	switch n.ShortTag() {
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	}
	return "text"
}

// text returns a text that YAML reads as text.
func (p *parser) text(n *yaml.Node, key string) (string, bool) {
	if !p.scalar(n, key+" must be text") {
		return "", false
	}
	v, ok := p.literal(n)
	if !ok {
		return "", false
	}
	s, ok := v.(string)
	switch {
	case ok && strings.TrimSpace(s) != "":
		return s, true
	case ok || v == nil:
		p.add(posOf(n), "empty", key+" is empty", "")
	default:
		p.add(posOf(n), "wrong-type", key+" must be text, and YAML reads "+n.Value+" as something else", p.src.quoted(posOf(n), n.Value))
	}
	return "", false
}

func (p *parser) flag(n *yaml.Node, key string) bool {
	if p.scalar(n, key+" must be true or false") {
		if v, ok := p.literal(n); ok {
			if b, ok := v.(bool); ok {
				return b
			}
			p.add(posOf(n), "wrong-type", key+" must be true or false", p.src.instead(posOf(n), n.Value, "true"))
		}
	}
	return false
}

func (p *parser) count(n *yaml.Node, key string, least, most int) (int, bool) {
	if p.scalar(n, key+" must be an integer") {
		if v, ok := p.literal(n); ok {
			if i, ok := v.(int); ok && i >= least && i <= most {
				return i, true
			}
			p.addf(posOf(n), "wrong-type", "", "%s must be an integer from %d to %d", key, least, most)
		}
	}
	return 0, false
}

// Percent is a share of a total, from 1 to 100.
type Percent int

// amount reads a count as an int, or a share as a [Percent].
func (p *parser) amount(n *yaml.Node, k key) any {
	what := k.name + " must be an integer from 1 to " + strconv.Itoa(k.upTo()) + ", or a share from 1% to 100%"
	if !p.scalar(n, what) {
		return nil
	}
	v, ok := p.literal(n)
	if !ok {
		return nil
	}
	switch v := v.(type) {
	case int:
		if v >= 1 && v <= k.upTo() {
			return v
		}
	case string:
		if shareForm.MatchString(v) {
			share, _ := strconv.Atoi(strings.TrimSuffix(v, "%")) // its form says so
			return Percent(share)
		}
	}
	p.add(posOf(n), "wrong-type", what, "write a number such as 3, or a share such as 25%")
	return nil
}

// duration reads Go text, with days before it or alone.
func (p *parser) duration(n *yaml.Node, key string) (time.Duration, bool) {
	if !p.scalar(n, key+" must be a duration") {
		return 0, false
	}
	if d, ok := parseDuration(n.Value); ok {
		return d, true
	}
	hint := "write for example 90s, 1m30s or 2d, and at most 366d"
	if plainInt.MatchString(n.Value) {
		hint = p.src.instead(posOf(n), n.Value, n.Value+"s")
	}
	p.add(posOf(n), "duration", key+" must be a duration, not "+quote(clip(n.Value)), hint)
	return 0, false
}

// longest is how long anything may take: a runbook that waits longer is
// mistaken.
const longest = 366 * 24 * time.Hour

func parseDuration(text string) (time.Duration, bool) {
	var d time.Duration
	if m := days.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n > int(longest/(24*time.Hour)) {
			return 0, false
		}
		d = time.Duration(n) * 24 * time.Hour
		if text = text[len(m[0]):]; text == "" {
			return d, true
		}
	}
	if strings.ContainsAny(text, "+-") || plainInt.MatchString(text) {
		return 0, false
	}
	rest, err := time.ParseDuration(text)
	if err != nil || rest > longest-d {
		return 0, false
	}
	return d + rest, true
}

func (p *parser) word(n *yaml.Node, key string, words []string) string {
	if !p.scalar(n, key+" must be one word") {
		return ""
	}
	for _, word := range words {
		if word == n.Value {
			return word
		}
	}
	p.add(posOf(n), "word", key+" cannot be "+quote(clip(n.Value)), suggest(n.Value, words))
	return ""
}

func (p *parser) date(n *yaml.Node, key string) string {
	s, ok := p.text(n, key)
	if !ok {
		return ""
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		p.add(posOf(n), "date", key+" must be a day such as \"2026-12-31\"", "")
		return ""
	}
	return s
}

func clip(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:57]) + "..."
	}
	return text
}
