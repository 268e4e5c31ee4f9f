package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cell is one character with its look: the SGR code of a colour or attribute.
type cell struct {
	char rune
	look string
}

// screen is what stands on a terminal that is high enough for all of it.
type screen struct {
	lines [][]cell
	row   int
	col   int
	look  string
}

var escape = regexp.MustCompile(`^\x1b\[([0-9;?]*)([A-Za-z])`)

// screenOf plays a program's output.
func screenOf(out string) [][]cell {
	s := &screen{}
	for len(out) > 0 {
		if m := escape.FindStringSubmatch(out); m != nil {
			s.escape(m[1], m[2])
			out = out[len(m[0]):]
			continue
		}
		r := []rune(out[:min(len(out), 4)])[0]
		s.put(r)
		out = out[len(string(r)):]
	}
	for len(s.lines) > 0 && len(s.lines[len(s.lines)-1]) == 0 {
		s.lines = s.lines[:len(s.lines)-1]
	}
	return s.lines
}

func (s *screen) escape(args, what string) {
	switch what {
	case "m":
		if s.look = args; args == "0" {
			s.look = ""
		}
	case "A":
		n, err := strconv.Atoi(args)
		if err != nil {
			n = 1
		}
		s.row = max(0, s.row-n)
	case "J":
		s.lines = s.lines[:min(len(s.lines), s.row)]
	}
}

func (s *screen) put(r rune) {
	switch {
	case r == '\n':
		s.row, s.col = s.row+1, 0
		return
	case r == '\r':
		s.col = 0
		return
	case r < ' ':
		return
	}
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, nil)
	}
	line := s.lines[s.row]
	for len(line) <= s.col {
		line = append(line, cell{char: ' '})
	}
	line[s.col] = cell{r, s.look}
	s.lines[s.row] = line
	s.col++
}

// span is a piece of a line with one look.
type span struct {
	col  int
	text string
	look string
}

// spans splits a line where its look changes.
func spans(line []cell) []span {
	var out []span
	for i, c := range line {
		if last := len(out) - 1; last >= 0 && out[last].look == c.look {
			out[last].text += string(c.char)
			continue
		}
		out = append(out, span{col: i, text: string(c.char), look: c.look})
	}
	return slices.DeleteFunc(out, func(s span) bool { return strings.TrimSpace(s.text) == "" })
}
