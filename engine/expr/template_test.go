package expr

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestTemplates(t *testing.T) {
	for _, test := range []struct {
		src  string
		want any
	}{
		{`plain`, "plain"},
		{`${{ inputs.n }}`, 7},
		{` ${{ inputs.n }} `, 7},
		{`n=${{ inputs.n }}, half=${{ inputs.n / 2 }}, ok=${{ true }}`, "n=7, half=3.5, ok=true"},
		{`${{ inputs.n }}${{ inputs.service }}`, "7api"},
		{`${{ {a: {b: 1}}.a.b }}`, 1},
		{`${{ "}}" }}`, "}}"},
		{`x${{ "}}" + '}}' + "\"}}" }}`, `x}}}}"}}`},
		{`list: ${{ [1, "a"] }}, object: ${{ {b: 1, a: nil} }}`, `list: [1,"a"], object: {"a":null,"b":1}`},
		{`$ {{ and }} stay`, "$ {{ and }} stay"},
		{`größe ${{ inputs.n }}`, "größe 7"},
	} {
		v, problem := ParseTemplate(test.src, scope, nil)
		if problem != nil {
			t.Errorf("%s: %v", test.src, problem)
			continue
		}
		got, err := v.Eval(vars())
		if err != nil || got != test.want {
			t.Errorf("%s = %#v, %v", test.src, got, err)
		}
	}
}

func TestTemplatesRefused(t *testing.T) {
	for _, test := range []struct {
		src  string
		want *Type
		id   string
		at   int
	}{
		{`a ${{ inputs.n`, nil, "syntax", 2},
		{`a ${{ inputs.m }}`, nil, "unknown-field", 13},
		{`größe ${{ inputs.m }}`, nil, "unknown-field", 17},
		{`${{ inputs.m }}`, nil, "unknown-field", 11},
		{`${{ }}`, nil, "syntax", 0},
		{`${{ inputs.n }}`, Of(String), "wrong-type", 4},
		{`n=${{ inputs.n }}`, Of(Int), "wrong-type", 0},
		{`a ${{ nil }}`, nil, "wrong-type", 5},
		{`plain`, Of(Int), "wrong-type", 0},
	} {
		v, problem := ParseTemplate(test.src, scope, test.want)
		if problem == nil || v != nil {
			t.Errorf("%s is accepted", test.src)
			continue
		}
		if problem.ID != test.id || test.at > 0 && problem.At != test.at {
			t.Errorf("%s: %s at %d: %s", test.src, problem.ID, problem.At, problem)
		}
	}
}

func TestNullInsideText(t *testing.T) {
	v, problem := ParseTemplate("it is ${{ inputs.maybe }}", scope, nil)
	if problem != nil {
		t.Fatal(problem)
	}
	_, err := v.Eval(vars())
	var null *NullError
	if !errors.As(err, &null) || null.Name != "inputs.maybe" {
		t.Errorf("%v", err)
	}
}

func TestWantedTypeIsCheckedInTheRun(t *testing.T) {
	for src, what := range map[string]string{
		"${{ any }}":          "any: it is the number 9223372036854775807, wanted text",
		"${{ inputs.maybe }}": "inputs.maybe is null",
	} {
		v, problem := ParseTemplate(src, Scope{"any": Any(), "inputs": Record(map[string]*Type{"maybe": Of(String).OrNull()})}, Of(String))
		if problem != nil {
			t.Fatal(problem)
		}
		if _, err := v.Eval(vars()); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestValuesAreTrees(t *testing.T) {
	n, _ := ParseTemplate("${{ inputs.n }}", scope, nil)
	v := ObjectOf(map[string]*Value{"list": ListOf([]*Value{Literal(1), n}), "none": ListOf(nil), "text": Literal("x")})
	got, err := v.Eval(vars())
	want := map[string]any{"list": []any{1, 7}, "none": []any{}, "text": "x"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%#v, %v", got, err)
	}
	if len(v.Programs()) != 1 || v.Programs()[0].Source() != " inputs.n " {
		t.Errorf("%v", v.Programs())
	}
	if got, err := (*Value)(nil).Eval(nil); err != nil || len(got.(map[string]any)) != 0 {
		t.Errorf("no value is %v, %v", got, err)
	}
}

func TestConditions(t *testing.T) {
	for _, src := range []string{"inputs.n > 3", "${{ inputs.n > 3 }}", " ${{ inputs.n > 3 }} "} {
		program, problem := Condition(src, scope)
		if problem != nil {
			t.Errorf("%s: %v", src, problem)
			continue
		}
		if holds, err := program.Bool(vars()); err != nil || !holds {
			t.Errorf("%s: %v, %v", src, holds, err)
		}
	}
	if _, problem := Condition("${{ inputs.n }} > 3", scope); problem == nil || problem.ID != "syntax" {
		t.Errorf("%v", problem)
	}
}
