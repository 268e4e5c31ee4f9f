package runbook

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// source is the text of a runbook, for positions and corrected lines.
type source struct {
	file  string
	lines []string // without their ends

	private bool // a secret may stand in them: no message shows one
}

// shown is a text of the source for a message; empty where nobody may see it.
func (s *source) shown(text string) string {
	if s.private {
		return ""
	}
	return text
}

func newSource(file string, src []byte) *source {
	lines := strings.Split(string(src), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return &source{file: file, lines: lines}
}

func posOf(n *yaml.Node) Pos { return Pos{n.Line, n.Column} }

// line returns a line from 1, or "".
func (s *source) line(number int) string {
	if number < 1 || number > len(s.lines) {
		return ""
	}
	return s.lines[number-1]
}

// rest returns a line from a column on, without a comment.
func (s *source) rest(at Pos) string {
	line := s.line(at.Line)
	text := line[byteAt(line, at.Col-1):]
	if i := strings.Index(text, " #"); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSpace(text)
}

// before returns what stands in a line before a column.
func (s *source) before(at Pos) string {
	line := s.line(at.Line)
	return strings.TrimLeft(line[:byteAt(line, at.Col-1)], " ")
}

// instead is the hint that shows a corrected line: other in the place of what
// stands there.
func (s *source) instead(at Pos, old, other string) string {
	if s.private {
		return "write " + other
	}
	line := s.line(at.Line)
	after := line[byteAt(line, at.Col-1):]
	tail, ok := strings.CutPrefix(after, old)
	if !ok {
		tail = ""
	}
	return clipLine("write " + s.before(at) + other + strings.TrimRight(tail, " "))
}

// quoted is the hint that shows a line with a value put in quotes.
func (s *source) quoted(at Pos, value string) string { return s.instead(at, value, quote(value)) }

// quotedAs is the hint that shows a line whose rest is other, in quotes.
func (s *source) quotedAs(at Pos, other string) string {
	return s.instead(at, s.rest(at), quote(other))
}

// quotedRest is the hint that shows a line whose rest is put in quotes.
func (s *source) quotedRest(at Pos) string {
	if s.private {
		return "put the value in quotes"
	}
	return s.quoted(at, s.rest(at))
}

func clipLine(text string) string {
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:197]) + "..."
	}
	return text
}

func byteAt(line string, runes int) int {
	for i := range line {
		if runes == 0 {
			return i
		}
		runes--
	}
	return len(line)
}

// quote writes text as a quoted YAML scalar.
func quote(text string) string {
	if strings.ContainsAny(text, `"\`) {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return `"` + text + `"`
}

// where names a position for a message of a run.
func (s *source) where(n *yaml.Node, at int) string {
	pos := s.locate(n, at)
	return fmt.Sprintf("%s:%d:%d", s.file, pos.Line, pos.Col)
}

// locate returns the position of a character of a scalar's value: quotes,
// escapes, indentation and folded lines of the source stand between.
func (s *source) locate(n *yaml.Node, at int) Pos {
	c := cursor{lines: s.lines, line: n.Line - 1, style: n.Style}
	if c.line < 0 || c.line >= len(c.lines) {
		return posOf(n)
	}
	c.at = byteAt(c.lines[c.line], n.Column-1)
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		c.beginBlock()
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		c.at++
	}
	for _, r := range n.Value {
		if !isBreak(r) {
			c.nextText()
		}
		if at == 0 {
			break
		}
		at--
		c.pass(r)
	}
	if c.line >= len(c.lines) {
		return posOf(n)
	}
	text := c.lines[c.line]
	return Pos{c.line + 1, utf8.RuneCountInString(text[:min(c.at, len(text))]) + 1}
}

func isBreak(r rune) bool { return r == '\n' || r == ' ' || r == '\t' }

// cursor walks over the source of a scalar.
type cursor struct {
	lines    []string
	line, at int
	indent   int // of a block scalar
	style    yaml.Style
}

func (c *cursor) beginBlock() {
	c.line++
	for i := c.line; i < len(c.lines); i++ {
		if text := strings.TrimLeft(c.lines[i], " "); text != "" {
			c.indent = len(c.lines[i]) - len(text)
			break
		}
	}
	c.at = c.indent
}

// nextText goes to the next line that has text, if this one is over.
func (c *cursor) nextText() {
	for c.line < len(c.lines) && (c.at >= len(c.lines[c.line]) || c.goesOn()) {
		c.nextLine()
	}
}

// goesOn reports whether nothing but the \ is left of a line that goes on in the
// next one.
func (c *cursor) goesOn() bool {
	return c.style&yaml.DoubleQuotedStyle != 0 && c.lines[c.line][c.at:] == `\`
}

func (c *cursor) nextLine() {
	c.line++
	if c.line >= len(c.lines) {
		return
	}
	c.at = c.indent
	if c.style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		text := c.lines[c.line]
		c.at = len(text) - len(strings.TrimLeft(text, " \t"))
	}
}

// pass goes over the source of one character of the value.
func (c *cursor) pass(r rune) {
	for c.line < len(c.lines) && c.at < len(c.lines[c.line]) && c.goesOn() {
		c.nextLine()
	}
	if c.line >= len(c.lines) {
		return
	}
	text := c.lines[c.line]
	if c.at >= len(text) {
		c.nextLine()
		return
	}
	switch rest := text[c.at:]; {
	case c.style&yaml.SingleQuotedStyle != 0 && r == '\'':
		c.at += 2
	case c.style&yaml.DoubleQuotedStyle != 0 && rest[0] == '\\':
		c.at += escapeLen(rest)
	case r == ' ' && strings.TrimSpace(rest) == "" && c.style&yaml.LiteralStyle == 0:
		c.nextLine() // blanks before a fold
	default:
		_, size := utf8.DecodeRuneInString(rest)
		c.at += size
	}
}

func escapeLen(text string) int {
	if len(text) < 2 {
		return 1
	}
	return map[byte]int{'x': 4, 'u': 6, 'U': 10}[text[1]] + map[bool]int{true: 2}[!strings.ContainsRune("xuU", rune(text[1]))]
}
