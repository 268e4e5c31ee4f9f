package runbook

import (
	"strconv"
	"strings"
)

// Shapes returns the mappings of a runbook, in the order in which people read
// them: the file, what it holds, each kind of step, and what those hold.
func Shapes() []*Shape { return ShapesOf(&runbookShape) }

// ShapesOf returns a mapping and all below it, each once.
func ShapesOf(root *Shape) []*Shape {
	found := []*Shape{root}
	seen := map[*Shape]bool{root: true}
	add := func(s *Shape) {
		if s != nil && !seen[s] {
			seen[s] = true
			found = append(found, s)
		}
	}
	for i := 0; i < len(found); i++ {
		for _, k := range found[i].keys {
			add(k.of)
		}
		if others := found[i].others; others != nil {
			add(others.of)
		}
		for _, k := range found[i].keys {
			if k.form == formSteps {
				for j := range stepShapes {
					add(&stepShapes[j].shape)
				}
			}
		}
	}
	return found
}

// Step reports whether the mapping is a kind of step.
func (s *shape) Step() bool {
	for i := range stepShapes {
		if s == &stepShapes[i].shape {
			return true
		}
	}
	return false
}

// Name is what messages call the mapping.
func (s *shape) Name() string { return s.name }

// Either returns the keys that make the mapping whole: those of one row. nil:
// the needed ones do.
func (s *shape) Either() [][]string { return s.either }

// OneOf returns the keys of which the mapping has exactly one; nil: there are no
// such.
func (s *shape) OneOf() []string { return s.one }

// Others returns what the keys hold that are not in the table, and whether
// there are any.
func (s *shape) Others() (Key, bool) {
	if s.others == nil {
		return Key{}, false
	}
	return s.others.each(), true
}

// Need reports whether the key may not be left out.
func (k key) Need() bool { return k.need }

// Otherwise is what holds where the key is left out; empty: nothing does.
func (k key) Otherwise() string { return k.otherwise }

// Shape is the mapping that the key holds, alone, in a list or by name; nil:
// none.
func (k key) Shape() *Shape { return k.of }

// Steps reports whether the key holds steps.
func (k key) Steps() bool { return k.form == formSteps }

// Takes says in words what the value of a key looks like. link writes the
// name of a mapping; steps are link(nil).
func (k key) Takes(link func(*Shape) string) string {
	if k.byName {
		return "names, each " + k.each().Takes(link)
	}
	switch k.form {
	case formName:
		return "name"
	case formID:
		return "id"
	case formDate:
		return "day"
	case formWord:
		return "`" + strings.Join(k.words, "`, `") + "`"
	case formWords:
		return "list of `" + strings.Join(k.words, "`, `") + "`"
	case formDuration:
		return "duration"
	case formCount:
		return "1 to " + strconv.Itoa(k.upTo())
	case formAmount:
		return "1 to " + strconv.Itoa(k.upTo()) + ", or `1%` to `100%`"
	case formNumber:
		return "0 to 1000"
	case formFlag:
		return "`true` or `false`"
	case formTemplate:
		return "text with templates"
	case formCondition:
		return "condition"
	case formValue:
		return "any value"
	case formVars:
		return "ids and values"
	case formList:
		return "list, or a template of one"
	case formValues:
		return "names and values"
	case formShape:
		return link(k.of)
	case formShapes:
		return "list, each " + link(k.of)
	case formNamed:
		return "names, each " + link(k.of)
	case formSteps:
		return "list of " + link(nil)
	case formWait:
		return "duration, or " + link(k.of)
	case formTexts:
		return "text, or a list of texts"
	case formTextsBy:
		return "names, each text or a list of texts"
	case formShapesBy:
		return "names, each " + link(k.of) + " or a list of them"
	case formSome:
		return link(k.of) + ", or a list of them"
	case formListed:
		return "list of texts, or of " + link(k.of)
	case formTextList:
		if k.like != nil {
			return "list, each " + k.like.Is
		}
		return "list of texts"
	case formText:
	}
	if k.like != nil {
		return k.like.Is
	}
	return "text"
}
