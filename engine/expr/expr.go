// Package expr holds the conditions, templates and types of the runbook
// language. Everything is compiled when the runbook is parsed: what can be
// known to be wrong is refused then, with its position.
//
// The grammar is that of expr-lang/expr without assignments, sequences,
// ranges and whatever reads a clock, a zone or the order of a map. Three
// things differ at run time: reading through null, an integer that overflows
// and a division by zero are errors, never a value.
package expr

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
	"github.com/expr-lang/expr/vm"
)

// Limits of one expression.
const (
	MaxSource = 64 << 10 // bytes
	maxTokens = 10_000
	maxDepth  = 500     // of the tree
	maxCost   = 100_000 // rounds of all loops of one evaluation together
	maxText   = 1 << 20 // bytes of a text that is put together
)

// Scope holds the names that an expression may use, with their types.
type Scope map[string]*Type

// Vars holds the values of those names during a run.
type Vars map[string]any

// Ref is a name that an expression reads: steps.db.outputs is three words.
type Ref struct {
	Path []string
	At   int // where it begins, in runes from the start of the source
}

// Program is a compiled expression. It is immutable: many goroutines may run
// it at once.
type Program struct {
	src    string
	code   *vm.Program
	typ    *Type
	want   *Type
	label  string
	refs   []Ref
	lapses []Lapse
	chance []Lapse
	names  [][]string
	place  func(at int) string
	text   bool // its value becomes part of a text
	loops  bool // it counts what it costs
	base   int  // where the source begins in the text that holds it, in runes
}

// Error says why an expression is refused.
type Error struct {
	ID   string // syntax, unknown-name, unknown-field, wrong-type, not-allowed or too-large
	At   int    // in runes from the start of the source
	What string
	Hint string
	Base string // of an unknown name or field: what was to hold it, such as steps; empty at the top
	Name string // of an unknown name or field
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.What
	}
	return e.What + "; " + e.Hint
}

// Compile reads an expression that may use the names of scope and whose value
// has type want (nil: any).
func Compile(src string, scope Scope, want *Type) (program *Program, problem *Error) {
	defer func() { // the parser is a library that reads what anybody wrote
		if r := recover(); r != nil {
			program, problem = nil, &Error{ID: "syntax", What: fmt.Sprintf("the expression cannot be read: %v", r)}
		}
	}()
	config, tree, problem := parse(src)
	if problem != nil {
		return nil, problem
	}
	t := typer{scope: scope, seen: map[node]checked{}}
	typ := t.check(&tree.Node)
	if t.err == nil {
		t.fits(tree.Node, typ, want)
		if want != nil && want.Kinds&Null == 0 {
			t.lapse(tree.Node, typ)
		}
	}
	if t.err != nil {
		return nil, t.err
	}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, syntaxError(err)
	}
	code, err := compiler.Compile(tree, config)
	if err != nil {
		return nil, &Error{ID: "syntax", What: "the expression cannot be compiled"}
	}
	return &Program{src: src, code: code, typ: typ, want: want, label: t.rootLabel, refs: t.refs, names: namesOf(t.refs), lapses: t.unminded(), chance: t.chances, loops: t.loops}, nil
}

// libraryBuiltins is never written to: filling it anew took a third of the
// time to compile an expression.
var libraryBuiltins = conf.CreateNew().Builtins

// grammar is what the library must know to read an expression. It writes to it.
func grammar() *conf.Config {
	return &conf.Config{ // without Optimize: its folding knows nothing of our arithmetic
		ShortCircuit:      true,
		MaxNodes:          conf.DefaultMaxNodes,
		Functions:         functions,
		Builtins:          libraryBuiltins,
		DisableIfOperator: true,
	}
}

func parse(src string) (*conf.Config, *parser.Tree, *Error) {
	if len(src) > MaxSource {
		return nil, nil, &Error{ID: "too-large", What: fmt.Sprintf("the expression has %d bytes; the limit is %d", len(src), MaxSource)}
	}
	tokens, err := lexer.Lex(file.NewSource(src))
	if err != nil {
		return nil, nil, syntaxError(err)
	}
	if len(tokens) > maxTokens {
		return nil, nil, &Error{ID: "too-large", What: fmt.Sprintf("the expression has %d words and signs; the limit is %d", len(tokens), maxTokens)}
	}
	if len(tokens) <= 1 {
		return nil, nil, &Error{ID: "syntax", What: "the expression is empty"}
	}
	if problem := plain(src, tokens); problem != nil {
		return nil, nil, problem
	}
	config := grammar()
	tree, err := parser.ParseWithConfig(src, config)
	if err != nil {
		return nil, nil, syntaxError(err)
	}
	return config, tree, nil
}

// plain refuses what the library reads otherwise than people do: comments,
// which cut a condition, and numbers that begin with 0.
func plain(src string, tokens []lexer.Token) *Error {
	runes, end, lets := []rune(src), 0, false
	for _, token := range tokens {
		from := min(token.From, len(runes))
		if token.Kind == lexer.EOF {
			from = len(runes)
		}
		if between := strings.TrimSpace(string(runes[end:max(end, from)])); between != "" {
			return &Error{ID: "not-allowed", At: end, What: "there is no comment inside an expression: " + clipText(between), Hint: "write it in a line of its own, behind #"}
		}
		lets = lets || token.Is(lexer.Operator, "let")
		if token.Is(lexer.Operator, "=") && !lets {
			return &Error{ID: "syntax", At: token.From, What: "= would set something, and an expression sets nothing", Hint: "compare with =="}
		}
		end = min(max(end, token.To), len(runes))
		if n := token.Value; token.Kind == lexer.Number && len(n) > 1 && n[0] == '0' && n[1] >= '0' && n[1] <= '9' {
			return &Error{ID: "not-allowed", At: token.From, What: n + " could be read as an octal number", Hint: "write it without leading zeros"}
		}
	}
	return nil
}

func syntaxError(err error) *Error {
	if at, ok := errors.AsType[*file.Error](err); ok {
		return &Error{ID: "syntax", At: at.From, What: "the expression cannot be read: " + at.Message}
	}
	return &Error{ID: "syntax", What: "the expression cannot be read: " + err.Error()}
}

// Type returns the type of the program's value.
func (p *Program) Type() *Type { return p.typ }

// Refs returns the names that the program reads. What is read through counts,
// too: of steps.a.outputs there are steps, steps.a and steps.a.outputs.
func (p *Program) Refs() []Ref { return p.refs }

// Lapses returns where the program needs what may be absent, without looking
// anywhere whether it is.
func (p *Program) Lapses() []Lapse { return p.lapses }

// Chances returns where the program needs an element of a list that may not have
// it, or another value that has no name and may be null. Their names are words
// for people.
func (p *Program) Chances() []Lapse { return p.chance }

// Path returns the words of a program that is one name, such as
// steps.db.outputs, and whether it is null where it would read through null; nil:
// it is more than that.
func (p *Program) Path() (words []string, lenient bool) {
	src := strings.ReplaceAll(strings.TrimSpace(p.src), "?.", ".")
	for _, ref := range p.refs {
		if strings.Join(ref.Path, ".") == src {
			return ref.Path, strings.Contains(p.src, "?.")
		}
	}
	return nil, false
}

// Names returns what the program reads, each as long as it is written.
func (p *Program) Names() [][]string { return p.names }

func namesOf(refs []Ref) [][]string {
	var names [][]string
	for i, ref := range refs {
		if i+1 < len(refs) && refs[i+1].At == ref.At && len(refs[i+1].Path) > len(ref.Path) {
			continue
		}
		names = append(names, ref.Path)
	}
	return names
}

// Reads reports whether the program reads a name of its scope.
func (p *Program) Reads(name string) bool {
	return slices.ContainsFunc(p.refs, func(r Ref) bool { return r.Path[0] == name })
}

// Source returns the expression as written.
func (p *Program) Source() string { return p.src }

// Place makes run-time errors begin with the position that at names. It is
// for whoever compiled the program, before it is shared.
func (p *Program) Place(at func(at int) string) { p.place = at }

// shift moves the positions of a program that stands inside a text.
func (p *Program) shift(base int) {
	p.base = base
	for i := range p.refs {
		p.refs[i].At += base
	}
	for i := range p.lapses {
		p.lapses[i].At += base
	}
	for i := range p.chance {
		p.chance[i].At += base
	}
}

// Bool runs the program, whose value is wanted true or false.
func (p *Program) Bool(vars Vars) (bool, error) {
	v, err := p.Any(vars)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, p.failed(0, fmt.Errorf("%s is %s, wanted true or false", p.label, typeOf(v)), vars)
	}
	return b, nil
}

// machines run programs, each one at a time: a new one costs more than most
// programs take.
var machines = sync.Pool{New: func() any { return new(vm.VM) }}

// Any runs the program and returns its value as the wanted type has it.
func (p *Program) Any(vars Vars) (any, error) {
	env := map[string]any(vars)
	if p.loops {
		env = make(map[string]any, len(vars)+1)
		maps.Copy(env, vars)
		env[costName] = new(int)
	}
	machine := machines.Get().(*vm.VM) //nolint:forcetypeassert // the pool holds nothing else
	v, err := machine.Run(p.code, env)
	machines.Put(machine)
	if err != nil {
		return nil, p.explain(err, vars)
	}
	if p.want == nil {
		return v, nil
	}
	if v == nil && p.want.Kinds&Null == 0 {
		return nil, p.failed(0, &NullError{Name: p.label}, vars)
	}
	v, err = p.want.Check(v)
	if err != nil {
		return nil, p.failed(0, fmt.Errorf("%s: %w", p.label, err), vars)
	}
	return v, nil
}
