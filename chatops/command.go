package chatops

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// Command is one thing that somebody wrote to firebreak in a chat.
type Command struct {
	Verb  string
	Args  []string          // in their order
	Named map[string]string // NAME=VALUE
	Flags map[string]string // --FLAG, and what follows it where it takes something
}

// Verb is one of the commands.
type Verb struct {
	Name string
	Args string // how it is written
	What string
	Need int // of Args, those that must be there

	flags map[string]bool // which there are; true: it takes a value
	named bool            // takes NAME=VALUE
}

// verbs are all of them, in the order in which people read them.
var verbs = [...]Verb{
	{Name: "run", Args: "RUNBOOK [NAME=VALUE…]", What: "start a runbook; what is missing is asked for", named: true},
	{Name: "plan", Args: "RUNBOOK [NAME=VALUE…]", What: "show what a run would do, and change nothing", Need: 1, named: true},
	{Name: "list", Args: "[WORD]", What: "the runbooks, or those with a word in their name or title"},
	{Name: "show", Args: "RUNBOOK", What: "one runbook: its inputs, and whom it asks", Need: 1},
	{Name: "runs", Args: "[--open] [--mine] [--failed]", What: "the last runs", flags: map[string]bool{"open": false, "mine": false, "failed": false}},
	{Name: "status", Args: "RUN", What: "where a run stands", Need: 1},
	{Name: "approve", Args: "RUN [REASON] [--step STEP] [--plan DIGEST] [--break-glass REASON]", What: "say yes to what a run asks", Need: 1, flags: map[string]bool{"step": true, "plan": true, "break-glass": true}},
	{Name: "deny", Args: "RUN REASON [--step STEP]", What: "say no", Need: 2, flags: map[string]bool{"step": true}},
	{Name: "cancel", Args: "RUN [REASON] [--undo]", What: "stop a run before its next change", Need: 1, flags: map[string]bool{"undo": false}},
	{Name: "retry", Args: "RUN [--from STEP]", What: "go on with a run that has ended, as a new one", Need: 1, flags: map[string]bool{"from": true}},
	{Name: "logs", Args: "RUN [STEP]", What: "what happened in a run", Need: 1},
	{Name: "diagnose", Args: "SERVICE", What: "look at everything of a service, and change nothing", Need: 1},
	{Name: "halt", Args: "[REASON] [--service SERVICE] [--lift]", What: "stop every change of every run, or of one service", flags: map[string]bool{"service": true, "lift": false}},
	{Name: "hold", Args: "SERVICE [REASON] [--lift]", What: "keep automation off a service", Need: 1, flags: map[string]bool{"lift": false}},
	{Name: "who", What: "who you are here, and what you may do"},
	{Name: "help", Args: "[COMMAND]", What: "this"},
}

// maxCommand is how long what somebody writes may be, in bytes.
const maxCommand = 8 << 10

// CommandError says why a text is no command, and what to write instead.
type CommandError struct{ What, Hint string }

func (e *CommandError) Error() string {
	if e.Hint == "" {
		return e.What
	}
	return e.What + "; " + e.Hint
}

// verbOf returns the verb of a name.
func verbOf(name string) (Verb, bool) {
	i := slices.IndexFunc(verbs[:], func(v Verb) bool { return v.Name == name })
	if i < 0 {
		return Verb{}, false
	}
	return verbs[i], true
}

// ParseCommand reads what somebody wrote, also on a telephone that has made
// its quotes and dashes curly. An empty text is help. Its error is a
// [*CommandError].
func ParseCommand(text string) (Command, error) {
	if len(text) > maxCommand {
		return Command{}, &CommandError{What: "that is too long for a command"}
	}
	words, err := split(straight.Replace(text))
	if err != nil {
		return Command{}, err
	}
	c := Command{Verb: "help", Named: map[string]string{}, Flags: map[string]string{}}
	if len(words) == 0 {
		return c, nil
	}
	c.Verb = strings.ToLower(words[0].text)
	v, ok := verbOf(c.Verb)
	if !ok {
		names := make([]string, len(verbs))
		for i := range verbs {
			names[i] = verbs[i].Name
		}
		return c, &CommandError{fmt.Sprintf("there is no command %.40q", c.Verb), or(expr.Suggest(c.Verb, names), "help lists them")}
	}
	if err := v.read(&c, words[1:]); err != nil {
		return c, err
	}
	if len(c.Args) < v.Need {
		return c, &CommandError{fmt.Sprintf("%s needs more", v.Name), "write " + v.Usage()}
	}
	return c, nil
}

// Usage is how a command is written.
func (v Verb) Usage() string { return strings.TrimSpace(v.Name + " " + v.Args) }

// read sorts the words after a verb.
func (v Verb) read(c *Command, words []word) error {
	for i := 0; i < len(words); i++ {
		w := words[i]
		flag, isFlag := strings.CutPrefix(w.text, "--")
		name, value, isNamed := strings.Cut(w.text, "=")
		switch {
		case w.quoted && !isNamed || !isFlag && (!v.named || !isNamed || !isName(name)):
			c.Args = append(c.Args, w.text)
		case isFlag:
			flag, value, given := strings.Cut(flag, "=")
			takes, ok := v.flags[flag]
			if !ok {
				return &CommandError{fmt.Sprintf("%s knows no --%.40s", v.Name, flag), "write " + v.Usage()}
			}
			if takes && !given {
				if i++; i == len(words) {
					return &CommandError{fmt.Sprintf("--%s needs something after it", flag), "write " + v.Usage()}
				}
				value = words[i].text
			}
			c.Flags[flag] = value
		default:
			if _, twice := c.Named[name]; twice {
				return &CommandError{fmt.Sprintf("%.40s is there twice", name), "give it once"}
			}
			c.Named[name] = value
		}
	}
	return nil
}

func isName(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

// straight undoes what telephones make of quotes, dashes and spaces.
var straight = strings.NewReplacer(
	"“", `"`, "”", `"`, "„", `"`, "‟", `"`, "«", `"`, "»", `"`,
	"‘", "'", "’", "'", "‚", "'", "‛", "'", "—", "--", "–", "--", "\u00a0", " ",
)

// word is a part of a command; quoted: it began with a quote.
type word struct {
	text   string
	quoted bool
}

// split cuts at spaces that are not in quotes. A quote inside a word is an
// apostrophe, unless it follows an equals sign.
func split(text string) ([]word, error) {
	var words []word
	var b strings.Builder
	var quote rune
	inside, quoted := false, false
	var before rune
	for _, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			b.WriteRune(r)
		case (r == '"' || r == '\'') && (!inside || before == '='):
			quote = r
			quoted = quoted || !inside
			inside = true
		case unicode.IsSpace(r):
			if inside {
				words = append(words, word{b.String(), quoted})
				b.Reset()
			}
			inside, quoted = false, false
		default:
			inside = true
			b.WriteRune(r)
		}
		before = r
	}
	if quote != 0 {
		return nil, &CommandError{"a quote is not closed", "end it with " + string(quote)}
	}
	if inside {
		words = append(words, word{b.String(), quoted})
	}
	return words, nil
}
