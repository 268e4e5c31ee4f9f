package document

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Properties is a file of Java's properties, parsed: KEY=VALUE lines. Its values
// are text; a dot is a character of a key as any other.
type Properties struct {
	src     string
	entries []property
}

// property is one entry: where its line, or lines, and its value stand.
type property struct {
	key, value string
	line       int // the first, from 1
	from, to   int // of the line with its end
	value0     int // where the value begins
	value1     int // and ends
	between    string
}

// ParseProperties reads a file of properties.
func ParseProperties(src []byte) (*Properties, error) {
	if len(src) > MaxSize {
		return nil, fmt.Errorf("is larger than %d bytes", MaxSize)
	}
	p := &Properties{src: string(src)}
	for at, line := 0, 1; at < len(p.src); {
		from, first := at, line
		start := from + blanks(p.src[from:])
		comment := start < len(p.src) && (p.src[start] == '#' || p.src[start] == '!')
		var end int // of what the line says, without its end
		for {
			n := strings.IndexAny(p.src[at:], "\r\n")
			if n < 0 {
				end, at = len(p.src), len(p.src)
				break
			}
			end = at + n
			at, line = end+1, line+1
			if p.src[end] == '\r' && at < len(p.src) && p.src[at] == '\n' {
				at++
			}
			if comment || !continues(p.src[start:end]) {
				break
			}
		}
		if comment || start >= end {
			continue
		}
		e, err := entry(p.src, start, end)
		if err != nil {
			return nil, fmt.Errorf("is not a file of properties: line %d: %w", first, err)
		}
		e.line, e.from, e.to = first, from, at
		p.entries = append(p.entries, e)
	}
	return p, nil
}

func blanks(s string) int { return len(s) - len(strings.TrimLeft(s, " \t\f")) }

// continues says whether a line goes on in the next one: it ends in an odd
// number of backslashes.
func continues(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
}

// entry reads what stands between two places, which may be several lines.
func entry(src string, start, end int) (e property, err error) {
	at := start
	for at < end && !strings.ContainsRune("=: \t\f", rune(src[at])) {
		if src[at] == '\\' {
			at++
		}
		at++
	}
	at = min(at, end)
	if e.key, err = unescaped(src[start:at]); err != nil {
		return e, err
	}
	keyEnd := at
	at += blanks(src[at:end])
	if at < end && (src[at] == '=' || src[at] == ':') {
		at++
		at += blanks(src[at:end])
	}
	e.between, e.value0, e.value1 = src[keyEnd:at], at, end
	e.value, err = unescaped(src[at:end])
	return e, err
}

// unescaped is text as a program reads it.
func unescaped(s string) (string, error) {
	var out strings.Builder
	var units []uint16
	flush := func() {
		for _, r := range utf16.Decode(units) {
			out.WriteRune(r)
		}
		units = nil
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			flush()
			if s[i] != '\\' {
				out.WriteByte(s[i])
			}
			continue
		}
		i++
		if s[i] == 'u' {
			if i+4 >= len(s) {
				return "", errors.New(`\u is followed by four digits`)
			}
			n, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
			if err != nil {
				return "", errors.New(`\u is followed by four digits`)
			}
			units = append(units, uint16(n))
			i += 4
			continue
		}
		flush()
		switch s[i] {
		case 't':
			out.WriteByte('\t')
		case 'n':
			out.WriteByte('\n')
		case 'r':
			out.WriteByte('\r')
		case 'f':
			out.WriteByte('\f')
		case '\r', '\n': // the line goes on in the next, behind its blanks
			if s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
			i += blanks(s[i+1:])
		default:
			out.WriteByte(s[i])
		}
	}
	flush()
	return out.String(), nil
}

// escaped writes text so that every reader of properties reads it, whichever
// encoding it takes the file for.
func escaped(s string, key bool) string {
	var out strings.Builder
	for i, r := range s {
		switch {
		case r == '\\':
			out.WriteString(`\\`)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\f':
			out.WriteString(`\f`)
		case r == ' ' && (key || i == 0), key && strings.ContainsRune("=:#!", r):
			out.WriteString(`\` + string(r))
		case r < ' ' || r > '~':
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&out, `\u%04x`, u)
			}
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// Get returns the text of a property, and whether it is there.
func (p *Properties) Get(key string) (text string, there bool, err error) {
	e, err := p.find(key)
	if e == nil || err != nil {
		return "", false, err
	}
	return e.value, true, nil
}

func (p *Properties) find(key string) (found *property, err error) {
	for i := range p.entries {
		if p.entries[i].key != key {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("setting %s: the key stands twice, on lines %d and %d", key, found.line, p.entries[i].line)
		}
		found = &p.entries[i]
	}
	return found, nil
}

// All returns the text of every property. Of a key that stands twice it is the
// last, as for a program.
func (p *Properties) All() map[string]string {
	out := map[string]string{}
	for _, e := range p.entries {
		out[e.key] = e.value
	}
	return out
}

// Set returns the file with one property changed, or added at its end, and
// every other byte as it was; nil takes it out.
func (p *Properties) Set(key string, text *string) ([]byte, error) {
	e, err := p.find(key)
	switch {
	case err != nil:
		return nil, err
	case e == nil && text == nil:
		return []byte(p.src), nil
	case e == nil:
		return []byte(p.added(key, *text)), nil
	case text == nil:
		return []byte(p.src[:e.from] + p.src[e.to:]), nil
	case *text == e.value:
		return []byte(p.src), nil
	}
	between := ""
	if e.between == "" { // a key that stands alone
		between = "="
	}
	return []byte(p.src[:e.value0] + between + escaped(*text, false) + p.src[e.value1:]), nil
}

// added puts an entry at the end, written as the one before it is.
func (p *Properties) added(key, text string) string {
	between, end := "=", "\n"
	if n := len(p.entries); n > 0 && p.entries[n-1].between != "" {
		between = p.entries[n-1].between
	}
	if strings.Contains(p.src, "\r\n") {
		end = "\r\n"
	}
	out := p.src
	if out != "" && !strings.HasSuffix(out, "\n") && !strings.HasSuffix(out, "\r") {
		out += end
	}
	return out + escaped(key, true) + between + escaped(text, false) + end
}
