package expr

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

type node = ast.Node

// typer finds the type of each node, refuses what is not of the language, and
// puts checked functions where a value is known too little or an operator
// would lose something.
type typer struct {
	scope     Scope
	err       *Error // the first one
	refs      []Ref
	rootLabel string
	lapses    []Lapse
	chances   []Lapse
	minded    map[string]bool // what is looked at whether it is absent, by name
	elems     []*Type         // of the lists of the predicates around
	loops     bool
	depth     int
	seen      map[node]checked // a < b < c is a < b && b < c, with one b
}

type checked struct {
	node node
	typ  *Type
}

// maxLoops is how deep predicates may nest.
const maxLoops = 3

func (t *typer) fail(at int, id, what, hint string) *Type {
	if t.err == nil {
		t.err = &Error{ID: id, At: at, What: what, Hint: hint}
	}
	return anyType
}

// check returns the type of a node and may replace it.
func (t *typer) check(n *node) *Type {
	if t.err != nil {
		return anyType
	}
	if done, ok := t.seen[*n]; ok {
		*n = done.node
		return done.typ
	}
	if t.depth++; t.depth > maxDepth {
		return t.fail((*n).Location().From, "too-large", fmt.Sprintf("the expression is nested deeper than %d", maxDepth), "split it with set")
	}
	if t.depth == 1 {
		t.rootLabel = label(*n)
	}
	before := *n
	typ := t.checkNode(n)
	t.depth--
	t.seen[before] = checked{*n, typ}
	return typ
}

func (t *typer) checkNode(n *node) *Type {
	switch n := (*n).(type) {
	case *ast.NilNode:
		return &Type{Kinds: Null}
	case *ast.BoolNode:
		return Of(Bool)
	case *ast.IntegerNode:
		return Of(Int)
	case *ast.FloatNode:
		return Of(Num)
	case *ast.StringNode:
		return &Type{Kinds: String, Enum: []string{n.Value}}
	case *ast.IdentifierNode:
		return t.identifier(n)
	case *ast.PointerNode:
		return t.pointer(n)
	case *ast.ChainNode:
		return t.check(&n.Node).OrNull()
	case *ast.MemberNode:
		return t.member(n)
	case *ast.SliceNode:
		return t.slice(n)
	case *ast.ConditionalNode:
		return t.conditional(n)
	case *ast.ArrayNode:
		return t.array(n)
	case *ast.MapNode:
		return t.object(n)
	}
	switch inner := (*n).(type) {
	case *ast.UnaryNode:
		return t.unary(n, inner)
	case *ast.BinaryNode:
		return t.binary(n, inner)
	case *ast.BuiltinNode:
		return t.builtin(n, inner)
	case *ast.CallNode:
		return t.call(inner)
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		return t.fail((*n).Location().From, "not-allowed", "let and ; are not part of the language", "use a set step and read vars.NAME")
	}
	return t.fail((*n).Location().From, "not-allowed", "this is not part of the language", "")
}

func (t *typer) identifier(n *ast.IdentifierNode) *Type {
	at := n.Location().From
	if typ, ok := t.scope[n.Value]; ok {
		t.refs = append(t.refs, Ref{Path: []string{n.Value}, At: at})
		return typ
	}
	hint := Suggest(n.Value, sortedKeys(t.scope))
	switch {
	case n.Value == "null":
		hint = "write nil"
	case len(t.scope) == 0:
		hint = "nothing can be read here: write the value itself"
	}
	t.fail(at, "unknown-name", "there is no "+n.Value+" here", hint)
	t.err.Name = n.Value
	return anyType
}

func (t *typer) pointer(n *ast.PointerNode) *Type {
	if len(t.elems) == 0 || n.Name != "" && n.Name != "index" {
		return t.fail(n.Location().From, "not-allowed", "#"+n.Name+" has no meaning here", "# is the element and #index its place, inside filter, any, all, ...")
	}
	if n.Name == "index" {
		return Of(Int)
	}
	return t.elems[len(t.elems)-1]
}

func (t *typer) member(n *ast.MemberNode) *Type {
	path, dotted := chain(n)
	base := label(n.Node)
	from := t.check(&n.Node)
	if n.Optional {
		t.mind(from)
	} else {
		t.need(&n.Node, from, Object|List, base)
	}
	property, ok := n.Property.(*ast.StringNode)
	if !ok {
		return t.index(n, from)
	}
	name := property.Value
	if t.err != nil {
		return anyType
	}
	if from.Kinds&Object == 0 {
		return t.fail(n.Property.Location().From, "unknown-field", fmt.Sprintf("%s has no fields: it is %s", base, from.notNull()), "")
	}
	if dotted {
		t.refs = append(t.refs, Ref{Path: path, At: start(n)})
	}
	field, ok := from.Field(name)
	if ok {
		return field
	}
	t.fail(n.Property.Location().From, "unknown-field", base+" has no field "+name, Suggest(name, sortedKeys(from.Fields)))
	t.err.Base, t.err.Name = base, name
	return anyType
}

// Lapse is a place where an expression needs what may be absent.
type Lapse struct {
	Name string // see [Type.Absent]
	At   int    // where it begins, in runes from the start of the source
}

// lapse notes that a node must not be null, if it may be.
func (t *typer) lapse(n node, typ *Type) {
	if typ.absent != "" && typ.Kinds&Null != 0 {
		t.lapses = append(t.lapses, Lapse{Name: typ.absent, At: start(n)})
	} else if _, named := chain(n); !named && typ.MayBeNull() {
		t.chances = append(t.chances, Lapse{Name: label(n), At: start(n)})
	}
}

// mind notes that the expression looks whether something is absent.
func (t *typer) mind(typ *Type) {
	if typ.absent == "" {
		return
	}
	if t.minded == nil {
		t.minded = map[string]bool{}
	}
	t.minded[typ.absent] = true
}

// unminded are the lapses in what is nowhere looked at.
func (t *typer) unminded() []Lapse {
	return slices.DeleteFunc(t.lapses, func(l Lapse) bool { return t.minded[l.Name] })
}

// index types list[i] and object[name] with a name that is computed.
func (t *typer) index(n *ast.MemberNode, from *Type) *Type {
	property := label(n.Property)
	by := t.check(&n.Property)
	switch kinds := from.Kinds &^ Null; {
	case t.err != nil:
		return anyType
	case kinds == List:
		t.need(&n.Property, by, Int, property)
		t.chances = append(t.chances, Lapse{Name: label(n), At: start(n)})
		return from.elem()
	case kinds == Object && from.Extra == nil:
		return t.fail(start(n.Property), "not-allowed", "the name of this field must be written out", "")
	case kinds == Object:
		t.need(&n.Property, by, String, property)
		return join(from.Extra, anyType)
	}
	t.need(&n.Property, by, Int|String, property)
	return anyType
}

func (t *typer) slice(n *ast.SliceNode) *Type {
	base := label(n.Node)
	typ := t.check(&n.Node)
	t.need(&n.Node, typ, List|String, base)
	for _, end := range []*node{&n.From, &n.To} {
		if *end != nil {
			name := label(*end)
			t.need(end, t.check(end), Int, name)
		}
	}
	return typ.notNull().plainText()
}

func (t *typer) conditional(n *ast.ConditionalNode) *Type {
	name := label(n.Cond)
	t.need(&n.Cond, t.check(&n.Cond), Bool, name)
	return join(t.check(&n.Exp1), t.check(&n.Exp2))
}

func (t *typer) array(n *ast.ArrayNode) *Type {
	list := &Type{Kinds: List}
	for i := range n.Nodes {
		elem := t.check(&n.Nodes[i])
		if i == 0 {
			list.Elem = elem
		} else {
			list.Elem = join(list.Elem, elem)
		}
	}
	return list
}

func (t *typer) object(n *ast.MapNode) *Type {
	fields := map[string]*Type{}
	for _, pair := range n.Pairs {
		pair, ok := pair.(*ast.PairNode)
		if !ok {
			return t.fail(n.Location().From, "syntax", "this is no object", "")
		}
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			return t.fail(pair.Location().From, "not-allowed", "a key of an object must be written out", "")
		}
		if fields[key.Value] != nil {
			return t.fail(key.Location().From, "not-allowed", "the key "+key.Value+" is there twice", "")
		}
		fields[key.Value] = t.check(&pair.Value)
	}
	return Record(fields)
}

func (t *typer) call(n *ast.CallNode) *Type {
	at := n.Location().From
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return t.fail(at, "not-allowed", "a value has no methods", "")
	}
	return t.fail(at, "unknown-name", "there is no function "+name.Value, Suggest(name.Value, sortedKeys(builtins)))
}

// fits refuses an expression whose value can never be of the type wanted.
func (t *typer) fits(root node, typ, want *Type) {
	if why, ok := want.accepts(typ); !ok {
		hint := ""
		if want.Kinds == Bool {
			hint = "a condition compares: " + clipText(t.rootLabel) + " == ..."
		}
		if about, ok := strings.CutPrefix(why, "it is "); ok {
			why = clipText(t.rootLabel) + " is " + about
		}
		t.fail(start(root), "wrong-type", why, hint)
	}
}

// need makes sure that a node's value is of the kinds wanted: refused if it
// never is, checked during the run if it may not be.
func (t *typer) need(n *node, typ *Type, kinds Kind, name string) {
	switch {
	case t.err != nil || typ.Kinds&^kinds == 0:
		return
	case typ.Kinds&kinds == 0:
		t.fail(start(*n), "wrong-type", fmt.Sprintf("%s is %s, wanted %s", name, typ, Of(kinds)), "")
		return
	}
	if kinds&Null == 0 {
		t.lapse(*n, typ)
	}
	t.replace(n, needName, *n, &ast.IntegerNode{Value: int(kinds)}, &ast.StringNode{Value: name})
}

// replace puts a call of one of our functions in the place of a node.
func (t *typer) replace(n *node, function string, args ...node) {
	at := (*n).Location()
	at.From = start(*n)
	call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: function}, Arguments: args}
	ast.Patch(n, call)
	call.SetLocation(at)
}

// start returns where the text of a node begins: an operator's own position
// is in its middle.
func start(n node) int {
	at := n.Location().From
	switch n := n.(type) {
	case *ast.MemberNode:
		return min(at, start(n.Node))
	case *ast.ChainNode:
		return min(at, start(n.Node))
	case *ast.BinaryNode:
		return min(at, start(n.Left))
	case *ast.ConditionalNode:
		return min(at, start(n.Cond))
	case *ast.SliceNode:
		return min(at, start(n.Node))
	}
	return at
}

// chain returns the words of a.b.c, or false for anything else.
func chain(n node) ([]string, bool) {
	var words []string
	for {
		switch at := n.(type) {
		case *ast.IdentifierNode:
			words = append(words, at.Value)
			slices.Reverse(words)
			return words, true
		case *ast.MemberNode:
			name, ok := at.Property.(*ast.StringNode)
			if !ok {
				return nil, false
			}
			words = append(words, name.Value)
			n = at.Node
		case *ast.ChainNode:
			n = at.Node
		case *ast.CallNode: // a need put there before
			if callee, ok := at.Callee.(*ast.IdentifierNode); !ok || callee.Value != needName {
				return nil, false
			}
			n = at.Arguments[0]
		default:
			return nil, false
		}
	}
}

// label names a node for messages.
func label(n node) string {
	if words, ok := chain(n); ok {
		return strings.Join(words, ".")
	}
	switch n := n.(type) {
	case *ast.PointerNode:
		return "#" + n.Name
	case *ast.MemberNode:
		if name, ok := n.Property.(*ast.StringNode); ok {
			return label(n.Node) + "." + name.Value
		}
		return "an element of " + label(n.Node)
	case *ast.BuiltinNode:
		return n.Name + "(...)"
	}
	return "the value"
}

// plainText forgets which strings a type allows.
func (t *Type) plainText() *Type {
	if t.Enum == nil {
		return t
	}
	plain := *t
	plain.Enum = nil
	return &plain
}

// pattern compiles a constant regular expression.
func (t *typer) pattern(n node) {
	pattern, ok := n.(*ast.StringNode)
	if !ok {
		t.fail(start(n), "not-allowed", "the pattern of matches must be a text written here", "")
		return
	}
	if _, err := regexp.Compile(pattern.Value); err != nil {
		t.fail(n.Location().From, "syntax", err.Error(), "")
	}
}
