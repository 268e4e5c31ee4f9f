package expr

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

const windowSchema = `{"type":"object","properties":{
	"n":{"type":"integer"},"rate":{"type":["null","number"]},"share":{"type":"number","minimum":0,"maximum":100},"name":{"type":"string","minLength":1},"waves":{"type":"array","minItems":1},"scalar":{"type":["null","boolean","number","string"]},
	"at":{"type":"string","format":"date-time"},"every":{"type":"string","format":"go-duration"},
	"tags":{"type":"array","items":{"enum":["a","b"]}},"change":{"anyOf":[{"$ref":"#/$defs/change"},{"type":"null"}]}},
	"required":["n","rate"],"$defs":{"change":{"type":"object","properties":{"id":{"type":"string"}},"required":["id"],"additionalProperties":false}}}`

func TestDecode(t *testing.T) {
	typ, err := ParseSchema([]byte(windowSchema))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		raw  string
		want any
	}{
		{`{"n":5,"rate":5}`, map[string]any{"n": 5, "rate": 5.0}},
		{`{"n":5.0,"rate":null}`, map[string]any{"n": 5, "rate": nil}},
		{`{"n":1,"rate":1,"scalar":50}`, map[string]any{"n": 1, "rate": 1.0, "scalar": 50}},
		{`{"n":1,"rate":1,"scalar":0.5}`, map[string]any{"n": 1, "rate": 1.0, "scalar": 0.5}},
		{`{"n":1,"rate":1,"tags":["a"],"change":null}`, map[string]any{"n": 1, "rate": 1.0, "tags": []any{"a"}, "change": nil}},
		{`{"n":1,"rate":1,"change":{"id":"x"},"more":[1]}`, map[string]any{"n": 1, "rate": 1.0, "change": map[string]any{"id": "x"}, "more": []any{1}}},
		{`{"n":1,"rate":1,"share":100,"name":"a","waves":[1]}`, map[string]any{"n": 1, "rate": 1.0, "share": 100.0, "name": "a", "waves": []any{1}}},
		{`{"n":9223372036854775807,"rate":1}`, map[string]any{"n": math.MaxInt, "rate": 1.0}},
	} {
		got, err := typ.Decode([]byte(test.raw))
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s = %#v, %v", test.raw, got, err)
		}
	}
	for _, test := range []struct{ raw, what string }{
		{``, "no value"},
		{`{"n":1,"rate":1} 2`, "more than one"},
		{`{"rate":1}`, "field n is missing"},
		{`{"n":null,"rate":1}`, "n: it is null, wanted an integer"},
		{`{"n":1.5,"rate":1}`, "n: it is 1.5, wanted an integer"},
		{`{"n":9223372036854775808,"rate":1}`, "n: 9223372036854775808 does not fit an integer"},
		{`{"n":1,"rate":1e999}`, "rate: 1e999 does not fit a number"},
		{`{"n":1,"rate":"1"}`, `rate: it is the text "1", wanted a number`},
		{`{"n":1,"rate":1,"tags":["c"]}`, `tags.0: it is "c"`},
		{`{"n":1,"rate":1,"change":{"id":"x","z":1}}`, `change: there is no field "z"`},
		{`{"n":1,"rate":1,"every":"soon"}`, "wanted a duration"},
		{`{"n":1,"rate":1,"share":-2}`, "share: it is -2, wanted at least 0"},
		{`{"n":1,"rate":1,"share":100.5}`, "share: it is 100.5, wanted at most 100"},
		{`{"n":1,"rate":1,"name":""}`, "name: it is empty"},
		{`{"n":1,"rate":1,"waves":[]}`, "waves: it has 0 items, wanted at least 1"},
		{`[1]`, "it is a list, wanted an object"},
		{`{"n":1,"rate":1,"more":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, "nested deeper"},
	} {
		if v, err := typ.Decode([]byte(test.raw)); err == nil || !strings.Contains(err.Error(), test.what) {
			t.Errorf("%.60s = %v, %v", test.raw, v, err)
		}
	}
}

func TestParseSchemaSurvives(t *testing.T) {
	for _, raw := range []string{`true`, `{}`, ``, `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}`,
		`{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"next":{"$ref":"#/$defs/a"}}}}}`} {
		typ, err := ParseSchema([]byte(raw))
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if _, err := typ.Decode([]byte(`{"next":{"next":null}}`)); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, raw := range []string{`{"type":"text"}`, `{"$ref":"http://x"}`, `nonsense`, strings.Repeat(`{"items":`, 100) + `{}` + strings.Repeat(`}`, 100)} {
		if _, err := ParseSchema([]byte(raw)); err == nil {
			t.Errorf("%.40s is accepted", raw)
		}
	}
}

func TestAccepts(t *testing.T) {
	id := Record(map[string]*Type{"id": Of(String)})
	for _, test := range []struct {
		want, from *Type
		ok         bool
	}{
		{Of(Num), Of(Int), true},
		{Of(Int), Of(Num), false},
		{Of(Int), Any(), true},
		{Of(String), Of(String | Null), true},
		{Of(String), Of(Null), false},
		{Of(String | Null), Of(Null), true},
		{OneOf("a", "b"), OneOf("b", "c"), true},
		{OneOf("a"), OneOf("c"), false},
		{&Type{Kinds: List, Elem: Of(Int)}, &Type{Kinds: List, Elem: Of(String)}, false},
		{id, Record(map[string]*Type{}), false},
		{id, Record(map[string]*Type{"id": Of(Int)}), false},
		{id, Record(map[string]*Type{"id": OneOf("x"), "more": Of(Int)}), true},
		{nil, id, true},
	} {
		if why, ok := test.want.accepts(test.from); ok != test.ok {
			t.Errorf("%v accepts %v: %v, %s", test.want, test.from, ok, why)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"steps", "service", "settings.apply", "skipped"}
	for word, want := range map[string]string{"setps": "steps", "servyce": "service", "skippd": "skipped", "settings.aply": "settings.apply", "zebra": "", strings.Repeat("x", 1000): ""} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%.20s is near %q, want %q", word, got, want)
		}
	}
}
