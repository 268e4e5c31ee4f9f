package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/conf"
)

// Names that the compiled tree uses and that nobody can write: the checker
// refuses names that begin with a dollar sign.
const (
	needName  = "$need"
	arithName = "$arith"
	tickName  = "$tick"
	costName  = "$cost"
	intName   = "$int"
	floatName = "$float"
	textName  = "$text"
	sumName   = "$sum"
	absName   = "$abs"
	splitName = "$split"
)

// functions are what the checker puts in the place of operators and builtins
// that would otherwise lose something silently.
var functions = conf.FunctionsTable{
	needName:  {Name: needName, Func: need},
	arithName: {Name: arithName, Func: arith},
	tickName:  {Name: tickName, Func: tick},
	intName:   {Name: intName, Func: toInt},
	floatName: {Name: floatName, Func: toFloat},
	textName:  {Name: textName, Func: func(args ...any) (any, error) { return text(args[0]) }},
	sumName:   {Name: sumName, Func: sum},
	absName:   {Name: absName, Func: abs},
	splitName: {Name: splitName, Func: split},
}

// need returns its first argument if it is of the kinds wanted.
func need(args ...any) (any, error) {
	v := args[0]
	kinds, okKinds := args[1].(int)
	label, okLabel := args[2].(string)
	if !okKinds || !okLabel {
		return nil, errCall
	}
	if int(kindOf(v))&kinds != 0 {
		return v, nil
	}
	if v == nil {
		return nil, &NullError{Name: label}
	}
	return nil, fmt.Errorf("%s is %s, wanted %s", label, typeOf(v), Of(Kind(kinds&int(anyKind))))
}

// tick counts what an evaluation costs: a round of a loop, and the size of
// what it made.
func tick(args ...any) (any, error) {
	v := args[1]
	cost, ok := args[0].(*int)
	if !ok {
		return nil, errCall
	}
	*cost += size(v, maxCost-*cost)
	if *cost > maxCost {
		return nil, fmt.Errorf("the expression takes more than %d rounds", maxCost)
	}
	return v, nil
}

// size is what a value costs: one for each value in it, and more for long
// texts. It stops counting beyond enough.
func size(v any, enough int) int {
	n := 1
	switch v := v.(type) {
	case string:
		n += len(v) / 64
	case []any:
		for _, item := range v {
			if n > enough {
				break
			}
			n += size(item, enough-n)
		}
	case map[string]any:
		for _, item := range v {
			if n > enough {
				break
			}
			n += size(item, enough-n)
		}
	}
	return n
}

func kindOf(v any) Kind {
	switch v.(type) {
	case nil:
		return Null
	case bool:
		return Bool
	case int:
		return Int
	case float64:
		return Num
	case string:
		return String
	case []any:
		return List
	case map[string]any:
		return Object
	}
	return 0
}

func typeOf(v any) string {
	if kind := kindOf(v); kind != 0 {
		return Of(kind).String()
	}
	return fmt.Sprintf("a %T", v)
}

var (
	errOverflow = errors.New("the integer overflows")
	errDivision = errors.New("division by zero")
	errCall     = errors.New("the compiled expression is broken")
)

// arith computes + - * / % ** on numbers and + on texts.
func arith(args ...any) (any, error) {
	left, right := args[1], args[2]
	op, ok := args[0].(string)
	if !ok {
		return nil, errCall
	}
	if l, ok := left.(string); ok {
		r, ok := right.(string)
		if !ok || op != "+" {
			return nil, fmt.Errorf("cannot compute %s %s %s", typeOf(left), op, typeOf(right))
		}
		if len(l)+len(r) > maxText {
			return nil, fmt.Errorf("the text is longer than %d bytes", maxText)
		}
		return l + r, nil
	}
	l, lok := left.(int)
	r, rok := right.(int)
	if lok && rok && op != "/" && op != "**" {
		return arithInt(op, l, r)
	}
	lf, lok := asFloat(left)
	rf, rok := asFloat(right)
	if !lok || !rok {
		return nil, fmt.Errorf("cannot compute %s %s %s", typeOf(left), op, typeOf(right))
	}
	return arithFloat(op, lf, rf)
}

func arithInt(op string, l, r int) (any, error) {
	switch op {
	case "+":
		if sum := l + r; (sum > l) == (r > 0) {
			return sum, nil
		}
	case "-":
		if diff := l - r; (diff < l) == (r > 0) {
			return diff, nil
		}
	case "*":
		if l == 0 || r == 0 {
			return 0, nil
		}
		product := l * r
		if product/r == l && (l != -1 || r != math.MinInt) && (r != -1 || l != math.MinInt) {
			return product, nil
		}
	case "%":
		if r == 0 {
			return nil, errDivision
		}
		return l % r, nil
	}
	return nil, errOverflow
}

func arithFloat(op string, l, r float64) (any, error) {
	var v float64
	switch op {
	case "+":
		v = l + r
	case "-":
		v = l - r
	case "*":
		v = l * r
	case "/":
		if r == 0 {
			return nil, errDivision
		}
		v = l / r
	case "**":
		v = math.Pow(l, r)
	default:
		return nil, fmt.Errorf("%s takes integers", op)
	}
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil, fmt.Errorf("%v %s %v is not a number", l, op, r)
	}
	return v, nil
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func toInt(args ...any) (any, error) {
	switch v := args[0].(type) {
	case int:
		return v, nil
	case float64:
		if v = math.Trunc(v); math.Abs(v) < 1<<63 {
			return int(v), nil
		}
		return nil, errOverflow
	case string:
		n, err := strconv.Atoi(v)
		if err != nil {
			return nil, fmt.Errorf("%s is not an integer", clip(v))
		}
		return n, nil
	}
	return nil, fmt.Errorf("int of %s", typeOf(args[0]))
}

func toFloat(args ...any) (any, error) {
	if s, ok := args[0].(string); ok {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, fmt.Errorf("%s is not a number", clip(s))
		}
		return f, nil
	}
	f, ok := asFloat(args[0])
	if !ok {
		return nil, fmt.Errorf("float of %s", typeOf(args[0]))
	}
	return f, nil
}

func sum(args ...any) (any, error) {
	list, _ := args[0].([]any)
	var total any = 0
	for _, item := range list {
		if kindOf(item)&number == 0 {
			return nil, fmt.Errorf("sum of a list that holds %s", typeOf(item))
		}
		var err error
		if total, err = arith("+", total, item); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func abs(args ...any) (any, error) {
	switch v := args[0].(type) {
	case int:
		if v == math.MinInt {
			return nil, errOverflow
		}
		return max(v, -v), nil
	case float64:
		return math.Abs(v), nil
	}
	return nil, fmt.Errorf("abs of %s", typeOf(args[0]))
}

func split(args ...any) (any, error) {
	whole, okWhole := args[0].(string)
	by, okBy := args[1].(string)
	if !okWhole || !okBy {
		return nil, errCall
	}
	pieces := strings.Split(whole, by)
	list := make([]any, len(pieces))
	for i, piece := range pieces {
		list[i] = piece
	}
	return list, nil
}

// text renders a value inside a text: null has none.
func text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", errors.New("null cannot become text")
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("%s cannot become text: %w", typeOf(v), err)
	}
	if len(raw) > maxText {
		return "", fmt.Errorf("the text is longer than %d bytes", maxText)
	}
	return string(raw), nil
}
