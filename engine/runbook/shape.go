package runbook

import "regexp"

// form says what the value of a key looks like.
type form int

const (
	formText      form = iota // text as it stands
	formName                  // a name of letters, digits and -
	formID                    // an id that expressions can read
	formDate                  // YYYY-MM-DD
	formWord                  // one of the key's words
	formWords                 // a list of them
	formDuration              // Go text, or days: 90s, 1m30s, 2d
	formCount                 // an integer from 1
	formAmount                // such a count, or a share: 25%
	formNumber                // an integer from 0
	formFlag                  // true or false
	formTemplate              // text that may hold templates
	formCondition             // an expression that is true or false
	formValue                 // any value that may hold templates
	formList                  // a list, or a template of one
	formValues                // names and such values
	formShape                 // a mapping with the keys of the key's shape
	formShapes                // a list of those
	formNamed                 // names and those
	formSteps                 // a list of steps
	formWait                  // a duration, or a mapping with the keys of the key's shape
	formTexts                 // one text, or a list of them
	formTextsBy               // names and those
	formShapesBy              // names, and to each one mapping with the keys of the key's shape, or a list of them
	formSome                  // one mapping with the keys of the key's shape, or a list of them
	formListed                // a list of texts, or of mappings with the keys of the key's shape
	formTextList              // a list of texts
	formVars                  // names of variables, and values that may hold templates
)

// key is one key of a mapping. The parser and the JSON Schema both read this
// table, and nothing else says what may be written.
type key struct {
	name  string
	form  form
	need  bool
	words []string
	of    *shape
	doc   string

	otherwise string // what holds where it is left out, for people

	like   *Look // how its text must look; nil: as it likes
	most   int   // of formCount and formAmount; 0: 100
	byName bool  // it holds names, and to each what the form says
	names  *Look // how those must look; nil: as they like
}

// Look is how a text must look.
type Look struct {
	Pattern *regexp.Regexp
	Is      string // in words: the id of a channel
	Hint    string // for whoever wrote another one
}

// maxCount is the most that a count may be that does not say.
const maxCount = 100

func (k key) upTo() int {
	if k.most > 0 {
		return k.most
	}
	return maxCount
}

// each is the key of one of the names that it holds.
func (k key) each() key {
	k.byName, k.names = false, nil
	return k
}

// shape is a mapping.
type shape struct {
	name   string // for messages: a trigger, verify
	def    string // in the JSON Schema
	keys   []key
	either [][]string // the keys that make it whole: those of one row
	one    []string   // of these keys it has one
	others *key       // what the keys hold that are not in the table; nil: there are none
}

func (s *shape) key(name string) (key, bool) {
	for _, k := range s.keys {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

func (s *shape) names() []string {
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.name
	}
	return names
}
