package expr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// maxCases bounds in how many ways a condition is looked at.
const maxCases = 32

// Claim is one thing that a condition says when it is true or false.
type Claim struct {
	Text  string   // the part of the condition that says it, in one spelling
	Holds bool     // whether that part is true
	About string   // what is compared with a constant, in one spelling; empty: the claim is no such comparison
	Op    string   // of a comparison, with Holds worked in: == != < <= > >=
	Value any      // of a comparison: nil, bool, float64 or string
	Reads []string // the names that it reads, such as steps.db.outputs
	Needs []string // those of them that were not null, as the part had a value
}

// Case is what holds together: claims of which none is known to be wrong.
type Case []Claim

// Use is a place of an expression that needs a value: null is an error there.
type Use struct {
	Name  string // what must not be null, such as steps.db.outputs
	At    int    // in runes from the start of the source
	Under []Case // the ways in which the place is reached; none: never
	Known bool   // false: there are too many ways to tell
}

// Logic is what an expression says, for those who ask before it is run.
type Logic struct {
	tree   node
	strict bool // its value must not be null
	base   int
}

// Logic reads an expression again: its compiled tree has other nodes in
// places.
func (p *Program) Logic() *Logic {
	l := &Logic{strict: p.text || p.want != nil && p.want.Kinds&Null == 0, base: p.base}
	if tree, err := parser.ParseWithConfig(p.src, grammar()); err == nil {
		l.tree = tree.Node
	}
	return l
}

// Cases returns the ways in which a condition is true, or those in which it is
// false. It is false where there are too many.
func (l *Logic) Cases(holds bool) ([]Case, bool) { return casesOf(l.tree, holds) }

// Needs returns the names that are not null where the expression has a value.
func (l *Logic) Needs() []string { return needsOf(l.tree, l.strict) }

// Uses returns the places that need a value of a name that is wanted.
func (l *Logic) Uses(wanted func(name string) bool) []Use {
	u := uses{wanted: wanted}
	u.walk(l.tree, nil, l.strict, false)
	for i := range u.found {
		u.found[i].At += l.base
	}
	return u.found
}

// step is a condition that an evaluation went by on its way to a place.
type step struct {
	condition node
	holds     bool
}

// uses walks an expression in the order in which it is evaluated.
type uses struct {
	wanted func(string) bool
	found  []Use
}

// walk looks at a node that is reached by a way. strict: its value must not be
// null; chained: that of the a?.b around it must not.
func (u *uses) walk(n node, way []step, strict, chained bool) {
	if strict {
		u.use(n, way)
	}
	each(n, strict, chained, func(child node, on *step, strict, chained bool) {
		if on != nil {
			u.walk(child, append(slices.Clip(way), *on), strict, chained)
		} else {
			u.walk(child, way, strict, chained)
		}
	})
}

func (u *uses) use(n node, way []step) {
	words, ok := chain(n)
	if !ok {
		return
	}
	name := strings.Join(words, ".")
	if !u.wanted(name) {
		return
	}
	use := Use{Name: name, At: start(n), Under: []Case{{}}, Known: true}
	for _, s := range way {
		cases, known := casesOf(s.condition, s.holds)
		if known {
			use.Under, known = both(use.Under, cases)
		}
		if !known {
			use.Known = false
			break
		}
	}
	u.found = append(u.found, use)
}

// each visits the parts of a node: under which condition they are evaluated,
// and whether they may be null.
func each(n node, strict, chained bool, visit func(child node, on *step, strict, chained bool)) {
	switch n := n.(type) {
	case *ast.ChainNode:
		visit(n.Node, nil, false, strict)
	case *ast.MemberNode:
		visit(n.Node, nil, chained || !n.Optional && !optional(n.Node), chained)
		if _, written := n.Property.(*ast.StringNode); !written {
			visit(n.Property, nil, true, false)
		}
	case *ast.UnaryNode:
		visit(n.Node, nil, true, false)
	case *ast.BinaryNode:
		eachSide(n, strict, visit)
	case *ast.ConditionalNode:
		visit(n.Cond, nil, true, false)
		visit(n.Exp1, &step{n.Cond, true}, strict, false)
		visit(n.Exp2, &step{n.Cond, false}, strict, false)
	case *ast.BuiltinNode:
		for _, arg := range n.Arguments {
			visit(arg, nil, true, false)
		}
	case *ast.PredicateNode:
		visit(n.Node, nil, false, false)
	case *ast.SliceNode:
		for _, part := range []node{n.Node, n.From, n.To} {
			if part != nil {
				visit(part, nil, true, false)
			}
		}
	case *ast.ArrayNode:
		for _, item := range n.Nodes {
			visit(item, nil, false, false)
		}
	case *ast.MapNode:
		for _, pair := range n.Pairs {
			if pair, ok := pair.(*ast.PairNode); ok {
				visit(pair.Value, nil, false, false)
			}
		}
	}
}

// optional reports whether a.b.c has a ?. in it: it is null where that meets
// null.
func optional(n node) bool {
	for {
		m, ok := n.(*ast.MemberNode)
		if !ok {
			return false
		}
		if m.Optional {
			return true
		}
		n = m.Node
	}
}

func eachSide(n *ast.BinaryNode, strict bool, visit func(child node, on *step, strict, chained bool)) {
	switch n.Operator {
	case "&&", "and":
		visit(n.Left, nil, true, false)
		visit(n.Right, &step{n.Left, true}, true, false)
	case "||", "or":
		visit(n.Left, nil, true, false)
		visit(n.Right, &step{n.Left, false}, true, false)
	case "??":
		visit(n.Left, nil, false, false)
		visit(n.Right, nil, strict, false)
	case "==", "!=":
		visit(n.Left, nil, isText(n.Right), false)
		visit(n.Right, nil, isText(n.Left), false)
	case "in":
		list, ok := n.Right.(*ast.ArrayNode)
		visit(n.Left, nil, ok && !slices.ContainsFunc(list.Nodes, func(item node) bool { return !isText(item) }), false)
		visit(n.Right, nil, true, false)
	default:
		visit(n.Left, nil, true, false)
		visit(n.Right, nil, true, false)
	}
}

// isText reports whether a node is a constant that is not null.
func isText(n node) bool {
	v, ok := constant(n)
	return ok && v != nil
}

// constant returns the value of a node that is written out.
func constant(n node) (any, bool) {
	const exact = 1 << 53 // a float64 holds every integer up to here
	switch n := n.(type) {
	case *ast.NilNode:
		return nil, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.StringNode:
		return n.Value, true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.IntegerNode:
		return float64(n.Value), -exact < n.Value && n.Value < exact
	case *ast.UnaryNode:
		if v, ok := constant(n.Node); ok && n.Operator == "-" {
			if f, ok := v.(float64); ok {
				return -f, true
			}
		}
	}
	return nil, false
}

// needsOf are the names that were not null once a node has a value, whatever
// value that is.
func needsOf(n node, strict bool) []string {
	var names []string
	var walk func(n node, strict, chained bool)
	walk = func(n node, strict, chained bool) {
		if words, ok := chain(n); ok && strict {
			names = append(names, strings.Join(words, "."))
		}
		if _, loop := n.(*ast.PredicateNode); loop { // the list may be empty
			return
		}
		if b, ok := n.(*ast.BinaryNode); ok && b.Operator == "??" {
			walk(b.Left, false, false)
			return
		}
		each(n, strict, chained, func(child node, on *step, strict, chained bool) {
			if on == nil {
				walk(child, strict, chained)
			}
		})
	}
	walk(n, strict, false)
	return names
}

func readsOf(n node) []string {
	var names []string
	var walk func(n node)
	walk = func(n node) {
		if words, ok := chain(n); ok {
			names = append(names, strings.Join(words, "."))
			return
		}
		each(n, false, false, func(child node, _ *step, _, _ bool) { walk(child) })
	}
	walk(n)
	return names
}

// casesOf are the ways in which a condition is true or false.
func casesOf(n node, holds bool) ([]Case, bool) {
	switch n := n.(type) {
	case *ast.BoolNode:
		if n.Value == holds {
			return []Case{{}}, true
		}
		return nil, true
	case *ast.UnaryNode:
		if n.Operator == "!" || n.Operator == "not" {
			return casesOf(n.Node, !holds)
		}
	case *ast.ConditionalNode:
		return either(step{n.Cond, true}, step{n.Exp1, holds}, step{n.Cond, false}, step{n.Exp2, holds})
	case *ast.BinaryNode:
		return casesOfTwo(n, holds)
	case *ast.BuiltinNode:
		if nothing, ok := ofNothing[n.Name]; ok && nothing == holds && mayBeEmpty(n.Arguments[0]) {
			c := claimOf(n, holds)
			c.Reads, c.Needs = readsOf(n.Arguments[0]), needsOf(n.Arguments[0], true)
			return []Case{{c}}, true
		}
	}
	return claims(n, holds), true
}

// claims are what a part says that is no and, or, or not: of a length also that
// it is never below 0.
func claims(n node, holds bool) []Case {
	c := claimOf(n, holds)
	if b, ok := n.(*ast.BinaryNode); ok && mirrored[b.Operator] != "" {
		for _, side := range []node{b.Left, b.Right} {
			if length, ok := side.(*ast.BuiltinNode); ok && length.Name == "len" && c.About == length.String() {
				return []Case{{compared(length, ">=", 0.0), c}}
			}
		}
	}
	return []Case{{c}}
}

// casesOfTwo are those of a condition with an operator between its parts.
func casesOfTwo(n *ast.BinaryNode, holds bool) ([]Case, bool) {
	if mirrored[n.Operator] != "" && n.Left.String() == n.Right.String() {
		return casesOf(&ast.BoolNode{Value: strings.Contains(n.Operator, "=") && n.Operator != "!="}, holds)
	}
	switch n.Operator {
	case "==", "!=":
		if condition, value, ok := compares(n); ok {
			return casesOf(condition, holds == (value == (n.Operator == "==")))
		}
	case "&&", "and":
		if !holds {
			return shortcut(n, true, false)
		}
		return allOf(step{n.Left, true}, step{n.Right, true})
	case "||", "or":
		if holds {
			return shortcut(n, false, true)
		}
		return allOf(step{n.Left, false}, step{n.Right, false})
	case "in":
		if list, ok := n.Right.(*ast.ArrayNode); ok {
			if cases, ok := oneOf(n, list, holds); ok {
				return cases, len(cases) <= maxCases
			}
		}
	}
	return claims(n, holds), true
}

// ofNothing is what is said of a list without elements: then nothing is said
// of anything else.
var ofNothing = map[string]bool{"all": true, "none": true, "any": false, "one": false}

func mayBeEmpty(list node) bool {
	written, ok := list.(*ast.ArrayNode)
	return !ok || len(written.Nodes) == 0
}

// compares takes (a > b) == true apart: a condition that has a value, and the
// value that it is compared with.
func compares(n *ast.BinaryNode) (condition node, value, ok bool) {
	for _, sides := range [][2]node{{n.Left, n.Right}, {n.Right, n.Left}} {
		if b, written := sides[1].(*ast.BoolNode); written && isCondition(sides[0]) {
			return sides[0], b.Value, true
		}
	}
	return nil, false, false
}

// isCondition reports whether a node is true or false, and never null.
func isCondition(n node) bool {
	switch n := n.(type) {
	case *ast.UnaryNode:
		return n.Operator == "!" || n.Operator == "not"
	case *ast.BinaryNode:
		return mirrored[n.Operator] != "" || slices.Contains([]string{"&&", "and", "||", "or", "in"}, n.Operator)
	}
	return false
}

// shortcut are the ways of a && b to be false, and of a || b to be true: by
// the first part alone, or by the second after it.
func shortcut(n *ast.BinaryNode, goesOn, ends bool) ([]Case, bool) {
	first, known := casesOf(n.Left, ends)
	if !known {
		return nil, false
	}
	second, known := allOf(step{n.Left, goesOn}, step{n.Right, ends})
	all := append(slices.Clip(first), second...)
	return all, known && len(all) <= maxCases
}

func either(ifFirst, first, ifSecond, second step) ([]Case, bool) {
	a, knownA := allOf(ifFirst, first)
	b, knownB := allOf(ifSecond, second)
	all := append(slices.Clip(a), b...)
	return all, knownA && knownB && len(all) <= maxCases
}

func allOf(first, second step) ([]Case, bool) {
	a, knownA := casesOf(first.condition, first.holds)
	if !knownA {
		return nil, false
	}
	b, knownB := casesOf(second.condition, second.holds)
	if !knownB {
		return nil, false
	}
	return both(a, b)
}

// both are the ways of two conditions to hold together.
func both(a, b []Case) ([]Case, bool) {
	if len(a)*len(b) > maxCases {
		return nil, false
	}
	var all []Case
	for _, x := range a {
		for _, y := range b {
			all = append(all, slices.Concat(x, y))
		}
	}
	return all, true
}

// oneOf takes x in [a, b] apart; false if an element is no constant.
func oneOf(n *ast.BinaryNode, list *ast.ArrayNode, holds bool) ([]Case, bool) {
	var all []Case
	var none Case
	for _, item := range list.Nodes {
		v, ok := constant(item)
		if !ok {
			return nil, false
		}
		c := compared(n.Left, "==", v)
		c.Reads, c.Needs = readsOf(n), needsOf(n, true)
		all = append(all, Case{c})
		none = append(none, c.not())
	}
	if holds {
		return all, true
	}
	return []Case{none}, true
}

var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

var negated = map[string]string{"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}

// claimOf is what a part says that is no and, or, or not.
func claimOf(n node, holds bool) Claim {
	c := Claim{Text: n.String(), Holds: holds}
	if b, ok := n.(*ast.BinaryNode); ok && mirrored[b.Operator] != "" {
		if v, ok := constant(b.Right); ok && understood(b.Operator, v) {
			c = compared(b.Left, b.Operator, v)
		} else if v, ok := constant(b.Left); ok && understood(b.Operator, v) {
			c = compared(b.Right, mirrored[b.Operator], v)
		}
		if c.About != "" && !holds {
			c = c.not()
		}
	} else if _, ok := chain(n); ok {
		c = compared(n, "==", holds)
	}
	c.Reads, c.Needs = readsOf(n), needsOf(n, true)
	return c
}

// understood reports whether what an operator says of a constant is
// understood: an order is one of numbers.
func understood(operator string, v any) bool {
	_, number := v.(float64)
	return number || operator == "==" || operator == "!="
}

func compared(n node, operator string, v any) Claim {
	about := n.String()
	if words, ok := chain(n); ok {
		about = strings.Join(words, ".")
	}
	return Claim{Holds: true, About: about, Op: operator, Value: v}
}

// not is the claim that a comparison is false: it never errs, so that it then
// says the opposite.
func (c Claim) not() Claim {
	c.Op = negated[c.Op]
	return c
}

// String is the claim as a condition.
func (c Claim) String() string {
	if c.About == "" && c.Holds {
		return c.Text
	}
	if c.About == "" {
		return "!(" + c.Text + ")"
	}
	return c.About + " " + c.Op + " " + constantText(c.Value)
}

func constantText(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}
