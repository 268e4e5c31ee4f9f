package expr

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Marks of a template.
const (
	opening = "${{"
	closing = "}}"
)

// ParseTemplate reads a text that may hold ${{ expressions }}. One that is
// the whole text keeps its type, which must be want (nil: any); one inside a
// text becomes text. A text without any is a literal.
func ParseTemplate(src string, scope Scope, want *Type) (*Value, *Error) {
	if !strings.Contains(src, opening) {
		if problem := mistaken(src, 0); problem != nil {
			return nil, problem
		}
		return fitting(Literal(src), want)
	}
	if inner, at, ok := whole(src); ok {
		program, err := compileAt(inner, utf8.RuneCountInString(src[:at]), scope, want)
		if err != nil {
			return nil, err.as(inner, scope, want)
		}
		return &Value{program: program, typ: program.typ, programs: []*Program{program}}, nil
	}
	v := &Value{typ: Of(String)}
	at := 0 // where rest begins, in runes
	for rest := src; rest != ""; {
		literal, body, found := strings.Cut(rest, opening)
		if problem := mistaken(literal, at); problem != nil {
			return nil, problem
		}
		if literal != "" {
			v.parts = append(v.parts, part{literal: literal})
		}
		if !found {
			break
		}
		at += utf8.RuneCountInString(literal)
		end := closeOf(body)
		if end < 0 {
			return nil, &Error{ID: "syntax", At: at, What: "${{ is never closed", Hint: "close it with }}"}
		}
		at += len(opening)
		program, err := compileAt(body[:end], at, scope, nil)
		if err != nil {
			return nil, err
		}
		if program.typ.Kinds == Null {
			return nil, &Error{ID: "wrong-type", At: at, What: "null cannot become text"}
		}
		if name := program.typ.absent; name != "" && program.typ.Kinds&Null != 0 {
			program.lapses = append(program.lapses, Lapse{Name: name, At: at})
		}
		program.text = true
		v.parts = append(v.parts, part{program: program})
		v.programs = append(v.programs, program)
		at += utf8.RuneCountInString(body[:end]) + len(closing)
		rest = body[end+len(closing):]
	}
	return fitting(v, want)
}

// fitting returns a text that may be given where a type is wanted.
func fitting(v *Value, want *Type) (*Value, *Error) {
	if want != nil && v.parts == nil {
		if _, err := want.Check(v.literal); err != nil {
			return nil, &Error{ID: "wrong-type", What: err.Error()}
		}
		return v, nil
	}
	if why, ok := want.accepts(v.typ); !ok {
		return nil, &Error{ID: "wrong-type", What: why}
	}
	return v, nil
}

// otherTemplate is what other languages have for a template, around a name of
// this one.
var otherTemplate = regexp.MustCompile(`(^|[^$])(\{\{-?\s*\.?|\$\{\s*|\$\{\{\s*\.)((?:inputs|steps|vars|run|alert|item)\.[\w.]+)\s*-?\}{0,2}`)

// mistaken refuses a part of a text, which begins after so many runes, where
// something was meant as a template and is none.
func mistaken(text string, after int) *Error {
	at := otherTemplate.FindStringSubmatchIndex(text)
	if at == nil {
		return nil
	}
	return &Error{
		ID: "not-a-template", At: after + utf8.RuneCountInString(text[:at[4]]), What: text[at[4]:at[1]] + " is no template: it would stay as it is",
		Hint: "write ${{ " + text[at[6]:at[7]] + " }}",
	}
}

// as adds how a value becomes the text or the integer that is wanted, where that
// is all that is wrong.
func (e *Error) as(src string, scope Scope, want *Type) *Error {
	if e.ID != "wrong-type" || e.Hint != "" || want == nil {
		return e
	}
	if want.Kinds&^Null == Int {
		if program, err := Compile(src, scope, nil); err == nil && program.typ.Kinds&^(Num|String|Int) == 0 && program.typ.Format == "" {
			e.Hint = "write ${{ int(" + strings.TrimSpace(src) + ") }}"
		}
		return e
	}
	if want.Kinds&^Null != String || want.Enum != nil || want.Format != "" {
		return e
	}
	if program, err := Compile(src, scope, nil); err == nil && program.typ.Kinds&^(number|Bool) == 0 {
		e.Hint = "write ${{ string(" + strings.TrimSpace(src) + ") }}"
	}
	return e
}

// Condition compiles a condition: an expression that is true or false, bare
// or as one whole template.
func Condition(src string, scope Scope) (*Program, *Error) {
	if inner, at, ok := whole(src); ok {
		return compileAt(inner, utf8.RuneCountInString(src[:at]), scope, Of(Bool))
	}
	if before, _, found := strings.Cut(src, opening); found {
		return nil, &Error{
			ID: "syntax", At: utf8.RuneCountInString(before), What: "a condition is one expression, not a text with templates in it",
			Hint: "leave ${{ and }} out",
		}
	}
	return Compile(src, scope, Of(Bool))
}

// whole returns the expression of a text that is one ${{ expression }} and
// nothing else, and the byte at which it begins.
func whole(src string) (inner string, at int, ok bool) {
	trimmed := strings.TrimSpace(src)
	if !strings.HasPrefix(trimmed, opening) {
		return "", 0, false
	}
	body := trimmed[len(opening):]
	if end := closeOf(body); end < 0 || end+len(closing) != len(body) {
		return "", 0, false
	}
	return body[:len(body)-len(closing)], strings.Index(src, opening) + len(opening), true
}

// closeOf returns where the template that body begins in is closed, or -1: a
// }} inside a text or an object does not close it.
func closeOf(body string) int {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch c := body[i]; c {
		case '"', '\'', '`':
			for i++; i < len(body) && body[i] != c; i++ {
				if body[i] == '\\' && c != '`' {
					i++
				}
			}
		case '{':
			depth++
		case '}':
			if depth > 0 {
				depth--
			} else if strings.HasPrefix(body[i:], closing) {
				return i
			}
		}
	}
	return -1
}

// compileAt compiles an expression that stands in a text after some runes,
// with positions in that text.
func compileAt(inner string, at int, scope Scope, want *Type) (*Program, *Error) {
	program, err := Compile(inner, scope, want)
	if err != nil {
		err.At += at
		return nil, err
	}
	program.shift(at)
	return program, nil
}
