package expr

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// signature is one allowed builtin. A builtin is allowed if its answer
// depends on its arguments alone and its cost on their size.
type signature struct {
	params   []Kind // what each argument is
	optional int    // how many of the last may be left out
	variadic bool   // the last may be repeated
	loop     bool   // the second argument is a predicate
	own      string // our function in its place
	result   func(args []*Type) *Type
}

func always(kinds Kind) func([]*Type) *Type {
	return func([]*Type) *Type { return Of(kinds) }
}

func sameList(args []*Type) *Type   { return &Type{Kinds: List, Elem: args[0].Elem} }
func maybeElem(args []*Type) *Type  { return args[0].elem().orNothing() }
func sameNumber(args []*Type) *Type { return numeric(args[0]) }
func listOfText([]*Type) *Type      { return &Type{Kinds: List, Elem: Of(String)} }

func smallest(args []*Type) *Type {
	if args[0].Kinds&List != 0 {
		return Of(number).orNothing()
	}
	return numeric(args...)
}

// builtins is the allow-list.
var builtins = map[string]signature{
	"all":       {params: []Kind{List, Bool}, loop: true, result: always(Bool)},
	"any":       {params: []Kind{List, Bool}, loop: true, result: always(Bool)},
	"none":      {params: []Kind{List, Bool}, loop: true, result: always(Bool)},
	"one":       {params: []Kind{List, Bool}, loop: true, result: always(Bool)},
	"count":     {params: []Kind{List, Bool}, optional: 1, loop: true, result: always(Int)},
	"filter":    {params: []Kind{List, Bool}, loop: true, result: sameList},
	"find":      {params: []Kind{List, Bool}, loop: true, result: maybeElem},
	"findIndex": {params: []Kind{List, Bool}, loop: true, result: func([]*Type) *Type { return Of(Int).orNothing() }},
	"findLast":  {params: []Kind{List, Bool}, loop: true, result: maybeElem},
	"map": {params: []Kind{List, anyKind}, loop: true, result: func(args []*Type) *Type {
		return &Type{Kinds: List, Elem: args[1]}
	}},

	"len":     {params: []Kind{List | Object | String}, result: always(Int)},
	"first":   {params: []Kind{List}, result: maybeElem},
	"last":    {params: []Kind{List}, result: maybeElem},
	"reverse": {params: []Kind{List}, result: sameList},
	"sort":    {params: []Kind{List}, result: sameList},
	"uniq":    {params: []Kind{List}, result: sameList},

	"abs":   {params: []Kind{number}, own: absName, result: sameNumber},
	"ceil":  {params: []Kind{number}, result: always(Num)},
	"floor": {params: []Kind{number}, result: always(Num)},
	"round": {params: []Kind{number}, result: always(Num)},
	"int":   {params: []Kind{number | String}, own: intName, result: always(Int)},
	"float": {params: []Kind{number | String}, own: floatName, result: always(Num)},
	"max":   {params: []Kind{number | List, number}, optional: 1, variadic: true, result: smallest},
	"min":   {params: []Kind{number | List, number}, optional: 1, variadic: true, result: smallest},
	"sum":   {params: []Kind{List}, own: sumName, result: always(number)},

	"string":     {params: []Kind{Bool | number | String}, own: textName, result: always(String)},
	"lower":      {params: []Kind{String}, result: always(String)},
	"upper":      {params: []Kind{String}, result: always(String)},
	"trim":       {params: []Kind{String, String}, optional: 1, result: always(String)},
	"trimPrefix": {params: []Kind{String, String}, result: always(String)},
	"trimSuffix": {params: []Kind{String, String}, result: always(String)},
	"split":      {params: []Kind{String, String}, own: splitName, result: listOfText},
	"join":       {params: []Kind{List, String}, optional: 1, result: always(String)},
	"hasPrefix":  {params: []Kind{String, String}, result: always(Bool)},
	"hasSuffix":  {params: []Kind{String, String}, result: always(Bool)},
	"indexOf":    {params: []Kind{String, String}, result: always(Int)},
}

func (t *typer) builtin(slot *node, n *ast.BuiltinNode) *Type {
	at := n.Location().From
	sig, ok := builtins[n.Name]
	if !ok {
		hint := "no function reads a clock, a zone or the order of a map; there is " + strings.Join(sortedKeys(builtins), ", ")
		if near := Nearest(n.Name, sortedKeys(builtins)); near != "" {
			hint = "did you mean " + near + "?"
		}
		return t.fail(at, "not-allowed", "the function "+n.Name+" is not part of the language", hint)
	}
	if given := len(n.Arguments); given < len(sig.params)-sig.optional || given > len(sig.params) && !sig.variadic {
		hint := ""
		if given == 2 && len(sig.params) == 1 && sig.params[0] == List {
			hint = "write " + n.Name + "(map(LIST, .FIELD))"
		}
		return t.fail(at, "wrong-type", fmt.Sprintf("%s takes %s, not %d", n.Name, arguments(sig), given), hint)
	}
	types := make([]*Type, len(n.Arguments))
	for i := range n.Arguments {
		kinds := sig.params[min(i, len(sig.params)-1)]
		name := label(n.Arguments[i])
		if predicate, ok := n.Arguments[i].(*ast.PredicateNode); ok {
			types[i] = t.predicate(predicate, types[0], kinds)
			continue
		}
		types[i] = t.check(&n.Arguments[i])
		t.need(&n.Arguments[i], types[i], kinds, name)
	}
	if t.err != nil {
		return anyType
	}
	if sig.own != "" {
		t.replace(slot, sig.own, n.Arguments...)
	}
	return sig.result(types)
}

func arguments(sig signature) string {
	most, least := len(sig.params), len(sig.params)-sig.optional
	switch {
	case sig.variadic:
		return fmt.Sprintf("at least %d argument", least)
	case most > least:
		return fmt.Sprintf("%d or %d arguments", least, most)
	case most == 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", most)
}

func (t *typer) predicate(n *ast.PredicateNode, list *Type, kinds Kind) *Type {
	if len(t.elems) == maxLoops {
		return t.fail(n.Location().From, "too-large", fmt.Sprintf("predicates nest deeper than %d", maxLoops), "split it with set")
	}
	t.elems = append(t.elems, list.elem())
	name := label(n.Node)
	typ := t.check(&n.Node)
	t.need(&n.Node, typ, kinds, name)
	t.elems = t.elems[:len(t.elems)-1]
	if t.err == nil {
		t.loops = true
		t.replace(&n.Node, tickName, &ast.IdentifierNode{Value: costName}, n.Node)
	}
	return typ
}
