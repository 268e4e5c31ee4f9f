package expr

import (
	"fmt"
	"math"
	"slices"

	"github.com/expr-lang/expr/ast"
)

func (t *typer) unary(slot *node, n *ast.UnaryNode) *Type {
	name := label(n.Node)
	typ := t.check(&n.Node)
	switch n.Operator {
	case "!", "not":
		t.need(&n.Node, typ, Bool, name)
		return Of(Bool)
	case "-":
		t.need(&n.Node, typ, number, name)
		t.replace(slot, arithName, &ast.StringNode{Value: "-"}, &ast.IntegerNode{}, n.Node)
		return numeric(typ)
	case "+":
		t.need(&n.Node, typ, number, name)
		return numeric(typ)
	}
	return t.fail(n.Location().From, "not-allowed", n.Operator+" is not part of the language", "")
}

// numeric returns the kinds of number of a type.
func numeric(types ...*Type) *Type {
	kinds := Int
	for _, typ := range types {
		if typ.Kinds&Int == 0 {
			return Of(Num)
		}
		kinds |= typ.Kinds & number
	}
	return Of(kinds)
}

func (t *typer) binary(slot *node, n *ast.BinaryNode) *Type {
	leftName, rightName := label(n.Left), label(n.Right)
	left, right := t.check(&n.Left), t.check(&n.Right)
	if t.err != nil {
		return anyType
	}
	both := func(kinds Kind) {
		t.need(&n.Left, left, kinds, leftName)
		t.need(&n.Right, right, kinds, rightName)
	}
	switch op := n.Operator; op {
	case "&&", "and", "||", "or":
		both(Bool)
		return Of(Bool)
	case "==", "!=":
		t.equality(n, left, right, leftName, rightName)
		return Of(Bool)
	case "<", ">", "<=", ">=":
		if left.isDuration() && right.Kinds&String != 0 || right.isDuration() && left.Kinds&String != 0 {
			return t.fail(start(n), "wrong-type", "durations have no order here: 10m would come before 5m, as text does", "compare a number of seconds")
		}
		t.order(n, left, right, leftName, rightName)
		return Of(Bool)
	case "in":
		return t.membership(n, left, right, leftName, rightName)
	case "matches":
		t.need(&n.Left, left, String, leftName)
		t.pattern(n.Right)
		return Of(Bool)
	case "contains", "startsWith", "endsWith":
		both(String)
		return Of(Bool)
	case "??":
		t.mind(left)
		if left.Kinds == Null {
			return right
		}
		return join(left.notNull(), right)
	case "+", "-", "*", "/", "%", "**", "^":
		return t.arithmetic(slot, n, left, right, both)
	}
	return t.fail(n.Location().From, "not-allowed", n.Operator+" is not part of the language", "")
}

// order refuses to compare a text with a number.
func (t *typer) order(n *ast.BinaryNode, left, right *Type, leftName, rightName string) {
	l, r := left.notNull(), right.notNull()
	if l.Kinds == String && r.Kinds&^number == 0 || r.Kinds == String && l.Kinds&^number == 0 {
		t.fail(start(n), "wrong-type", fmt.Sprintf("%s is %s and is compared with %s", leftName, l, r), "")
		return
	}
	if t.settled(n, n.Operator, left, leftName, n.Right) || t.settled(n, mirrored[n.Operator], right, rightName, n.Left) {
		return
	}
	kinds := ordered(left.Kinds, right.Kinds)
	t.need(&n.Left, left, kinds, leftName)
	t.need(&n.Right, right, kinds, rightName)
}

// settled refuses a comparison with a constant that can only have one answer, as
// what is on the other side is never below, or above, something.
func (t *typer) settled(n *ast.BinaryNode, operator string, of *Type, name string, with node) bool {
	v, _ := constant(with)
	bound, ok := v.(float64)
	if !ok {
		return false
	}
	refuse := func(id, never string, limit float64) bool {
		fix := "compare it with what it may be"
		if of.Doc != "" {
			fix += ": " + of.Doc
		}
		t.fail(start(n), id, fmt.Sprintf("this has one answer only: %s is never %s %v", name, never, limit), fix)
		return true
	}
	if least := of.Floor; least != nil {
		switch {
		case operator == ">=" && bound <= *least, operator == ">" && bound < *least:
			return refuse("always-true", "below", *least)
		case operator == "<" && bound <= *least, operator == "<=" && bound < *least:
			return refuse("unreachable", "below", *least)
		}
	}
	if most := of.Ceiling; most != nil {
		switch {
		case operator == "<=" && bound >= *most, operator == "<" && bound > *most:
			return refuse("always-true", "above", *most)
		case operator == ">" && bound >= *most, operator == ">=" && bound > *most:
			return refuse("unreachable", "above", *most)
		}
	}
	return false
}

// ordered are the kinds that two values must be of to have an order.
func ordered(left, right Kind) Kind {
	const scalar = number | String
	switch {
	case left&scalar == 0 || right&scalar == 0 || left&String != 0 && right&String != 0 && (left|right)&number != 0:
		return scalar
	case left&number == 0 || right&number == 0:
		return String
	}
	return number
}

// equality refuses a comparison that can only have one answer. Where one side
// may be null and the other never is, null is an error of the run.
func (t *typer) equality(n *ast.BinaryNode, left, right *Type, leftName, rightName string) {
	switch {
	case left.Kinds&Null == 0 && right.Kinds == Null:
		t.fail(start(n), "wrong-type", leftName+" is never null: it is "+left.String(), "leave the comparison out")
	case right.Kinds&Null == 0 && left.Kinds == Null:
		t.fail(start(n), "wrong-type", rightName+" is never null: it is "+right.String(), "leave the comparison out")
	}
	if left.Kinds == Null || right.Kinds == Null {
		t.mind(left)
		t.mind(right)
		return
	}
	l, r := left.notNull(), right.notNull()
	if equalTo(l.Kinds)&equalTo(r.Kinds) == 0 {
		t.fail(start(n), "wrong-type", fmt.Sprintf("%s is %s and is compared with %s", leftName, l, r), "")
		return
	}
	t.sameNumber(n.Right, l, leftName)
	t.sameNumber(n.Left, r, rightName)
	t.sameWords(n.Right, l, r, leftName)
	t.sameWords(n.Left, r, l, rightName)
	switch {
	case left.Kinds&Null != 0 && right.Kinds&Null == 0:
		t.need(&n.Left, left, anyKind&^Null, leftName)
	case right.Kinds&Null != 0 && left.Kinds&Null == 0:
		t.need(&n.Right, right, anyKind&^Null, rightName)
	}
}

// equalTo widens kinds by those that can be equal to them.
func equalTo(kinds Kind) Kind {
	if kinds&number != 0 {
		kinds |= number
	}
	return kinds
}

// sameNumber refuses to compare an integer with a fraction.
func (t *typer) sameNumber(literal node, typ *Type, name string) {
	if f, ok := literal.(*ast.FloatNode); ok && typ.Kinds == Int && f.Value != math.Trunc(f.Value) {
		t.fail(literal.Location().From, "wrong-type", fmt.Sprintf("%s is never %v: it is an integer", name, f.Value), "")
	}
}

// sameWords refuses to compare one of some words with a word that is none of
// them.
func (t *typer) sameWords(literal node, words, word *Type, name string) {
	text, ok := literal.(*ast.StringNode)
	if !ok || t.err != nil || words.Kinds != String || word.Kinds != String {
		return
	}
	if words.isDuration() {
		if _, err := words.Check(text.Value); err != nil {
			t.fail(literal.Location().From, "wrong-type", fmt.Sprintf("%s is never %s: it is a duration", name, clip(text.Value)), "")
		}
		return
	}
	if words.Enum == nil {
		return
	}
	if slices.Contains(words.Enum, text.Value) {
		return
	}
	hint := ""
	if near := Nearest(text.Value, words.Enum); near != "" {
		hint = "did you mean " + near + "?"
	}
	t.fail(literal.Location().From, "wrong-type", fmt.Sprintf("%s is never %s: it is %s", name, clip(text.Value), words), hint)
}

func (t *typer) membership(n *ast.BinaryNode, left, right *Type, leftName, rightName string) *Type {
	t.need(&n.Right, right, List|Object, rightName)
	if t.err != nil {
		return Of(Bool)
	}
	if right.Kinds&List == 0 { // is there a field of that name
		t.need(&n.Left, left, String, leftName)
		return Of(Bool)
	}
	elem := right.elem()
	if equalTo(left.notNull().Kinds)&equalTo(elem.Kinds) == 0 && len(elem.Enum)+int(elem.Kinds) != 0 {
		t.fail(start(n), "wrong-type", fmt.Sprintf("%s is %s and is looked for in a list of %s", leftName, left.notNull(), elem), "")
		return Of(Bool)
	}
	if list, ok := n.Right.(*ast.ArrayNode); ok {
		for _, item := range list.Nodes {
			t.sameWords(item, left.notNull(), elem, leftName)
		}
	}
	if elem.Kinds&Null == 0 {
		t.need(&n.Left, left, anyKind&^Null, leftName)
	}
	return Of(Bool)
}

func (t *typer) arithmetic(slot *node, n *ast.BinaryNode, left, right *Type, both func(Kind)) *Type {
	op := n.Operator
	if op == "^" {
		op = "**"
	}
	result := numeric(left, right)
	switch texts := left.Kinds&String != 0 && right.Kinds&String != 0; {
	case op == "+" && texts && (left.Kinds|right.Kinds)&number == 0:
		both(String)
		result = Of(String)
	case op == "+" && texts:
		both(String | number)
		result = Of(String | number)
	case op == "%":
		both(Int)
		result = Of(Int)
	default:
		both(number)
	}
	if v, ok := constant(n.Right); ok && v == 0.0 && (op == "/" || op == "%") {
		return t.fail(n.Right.Location().From, "wrong-type", "division by zero", "divide by a number that is not 0")
	}
	if op == "/" || op == "**" {
		result = Of(Num)
	}
	t.replace(slot, arithName, &ast.StringNode{Value: op}, n.Left, n.Right)
	return result
}
