package expr

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// FuzzCompile holds that an expression is a program or a problem, that its
// problem stands inside it, and that it answers twice the same.
func FuzzCompile(f *testing.F) {
	for _, src := range []string{
		`inputs.n + 1 > 3 && steps.db.status == "failed"`, `any(steps.db.outputs.states, .count > 3)`, `1 < 2 < 3`,
		`inputs.maybe ?? 3`, `steps.db.outputs?.limits?.max`, `{a: [1, 2.5]}.a[0:1]`, `not (inputs.n in [1])`, `"a" matches "b"`,
		`map(1..3, #)`, `len(split("a", "")) ** 2 % 3`, "`raw`", `-inputs.n / 0`, `(any ? 1 : "x") + 1`,
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		program, problem := Compile(src, scope, nil)
		if (program == nil) == (problem == nil) {
			t.Fatalf("%v, %v", program, problem)
		}
		if problem != nil {
			if problem.What == "" || problem.At < 0 || problem.At > len([]rune(src)) {
				t.Fatalf("%+v", problem)
			}
			return
		}
		one, err := program.Any(vars())
		again, errAgain := program.Any(vars())
		if (err == nil) != (errAgain == nil) || !reflect.DeepEqual(one, again) {
			t.Fatalf("%v, %v; again %v, %v", one, err, again, errAgain)
		}
		if err != nil {
			return
		}
		if kindOf(one)&program.Type().Kinds == 0 {
			t.Fatalf("%#v is not %s", one, program.Type())
		}
		logic := program.Logic()
		logic.Needs()
		logic.Uses(func(string) bool { return true })
		if holds, ok := one.(bool); ok {
			cases, known := logic.Cases(holds)
			if known && !slices.ContainsFunc(cases, func(c Case) bool { _, _, found := c.Excluded(); return !found }) {
				t.Fatalf("it is %v, which is held to be impossible: %v", holds, cases)
			}
		}
	})
}

// FuzzTemplate holds that a text is a value or a problem inside it.
func FuzzTemplate(f *testing.F) {
	for _, src := range []string{`${{ inputs.n }}`, `a ${{ "}}" }} b`, `${{`, `${{ {a: 1} }}${{ '\'' }}`, "${{ `}}` }}", `}} ${{ }}`} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		v, problem := ParseTemplate(src, scope, nil)
		if (v == nil) == (problem == nil) {
			t.Fatalf("%v, %v", v, problem)
		}
		if problem != nil {
			if problem.At < 0 || problem.At > len([]rune(src)) {
				t.Fatalf("%+v in %d", problem, len([]rune(src)))
			}
			return
		}
		if got, err := v.Eval(vars()); err == nil && kindOf(got)&v.Type().Kinds == 0 {
			t.Fatalf("%#v is not %s", got, v.Type())
		}
	})
}

// FuzzDecode holds that what is decoded fits its type and stays as it is.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(windowSchema), []byte(`{"n":5,"rate":1.5,"tags":["a"]}`))
	f.Add([]byte(`{"type":["integer","string"]}`), []byte(`1e3`))
	f.Add([]byte(`{"anyOf":[{"type":"number"},{"const":"x"}]}`), []byte(`"x"`))
	f.Fuzz(func(t *testing.T, schema, raw []byte) {
		typ, err := ParseSchema(schema)
		if (typ == nil) == (err == nil) {
			t.Fatalf("%v, %v", typ, err)
		}
		if err != nil {
			return
		}
		v, err := typ.Decode(raw)
		if err != nil {
			return
		}
		// A whole number of no type may come back as an integer, once.
		again, err := typ.Decode(marshal(t, v))
		if err != nil {
			t.Fatalf("%s: %#v: %v", schema, v, err)
		}
		third, err := typ.Decode(marshal(t, again))
		if err != nil || !reflect.DeepEqual(again, third) {
			t.Fatalf("%s: %#v, then %#v, %v", schema, again, third, err)
		}
		if _, err := typ.Check(v); err != nil {
			t.Fatalf("%#v: %v", v, err)
		}
	})
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
