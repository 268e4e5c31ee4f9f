package runbook

import "strings"

// tooDeep finds where YAML nests deeper than a limit, without reading it as
// YAML: the library would walk a bomb before it could be refused. It counts
// levels of indentation, of dashes in one line and of flow brackets, and
// never fewer than YAML does.
func tooDeep(src string, limit int) (Pos, bool) {
	s := depthScan{limit: limit, block: -1}
	number := 0
	for line := range strings.Lines(src) {
		number++
		if col := s.line(strings.TrimRight(line, "\r\n")); col > 0 {
			return Pos{number, col}, true
		}
	}
	return Pos{}, false
}

type depthScan struct {
	limit   int
	indents []int
	flow    int  // open brackets
	quote   byte // the quote that is open at the end of a line
	block   int  // indentation of the key whose block scalar we are in; -1: in none
}

// line returns the column at which the limit is passed, or 0.
func (s *depthScan) line(line string) int {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	text := line[indent:]
	if s.block >= 0 {
		if text == "" || indent > s.block {
			return 0
		}
		s.block = -1
	}
	if s.quote == 0 && s.flow == 0 {
		if text == "" || text[0] == '#' {
			return 0
		}
		for at := indent; ; {
			s.push(at)
			if len(s.indents) > s.limit {
				return at + 1
			}
			if !strings.HasPrefix(line[at:], "- ") && !strings.HasPrefix(line[at:], "? ") && !strings.HasPrefix(line[at:], ": ") {
				indent = at
				break
			}
			at += 2
			for at < len(line) && line[at] == ' ' {
				at++
			}
		}
	}
	return s.tokens(line, indent)
}

func (s *depthScan) push(at int) {
	for len(s.indents) > 0 && s.indents[len(s.indents)-1] >= at {
		s.indents = s.indents[:len(s.indents)-1]
	}
	s.indents = append(s.indents, at)
}

// tokens reads what stands in a line: a quote or bracket means something only
// where a value may begin, and everywhere inside brackets.
func (s *depthScan) tokens(line string, from int) int {
	begins := true
	for i := from; i < len(line); i++ {
		c := line[i]
		if s.quote != 0 {
			switch {
			case c == '\\' && s.quote == '"':
				i++
			case c == s.quote:
				s.quote = 0
			}
			begins = false
			continue
		}
		switch {
		case c == ' ' || c == '\t':
			continue
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return 0
		case (c == '"' || c == '\'') && begins:
			s.quote = c
		case (c == '[' || c == '{') && (begins || s.flow > 0):
			s.flow++
			if s.flow+len(s.indents) > s.limit {
				return i + 1
			}
			begins = true
			continue
		case (c == ']' || c == '}') && s.flow > 0:
			s.flow--
		case (c == '|' || c == '>') && begins && s.flow == 0 && isBlockHeader(line[i:]):
			s.block = s.indents[len(s.indents)-1]
			return 0
		}
		begins = c == ':' || c == ',' && s.flow > 0 || c == '-' && begins || c == '?' && begins
	}
	return 0
}

func isBlockHeader(text string) bool {
	text, _, _ = strings.Cut(text, " ")
	return strings.Trim(text[1:], "+-0123456789") == ""
}
