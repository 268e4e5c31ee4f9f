package expr

import (
	"errors"
	"strings"
	"testing"
)

var scope = Scope{
	"inputs": Record(map[string]*Type{"service": Of(String), "n": Of(Int), "share": Of(Num), "maybe": Of(Int).OrNull()}),
	"steps": Record(map[string]*Type{
		"db": Record(map[string]*Type{
			"outputs": Record(map[string]*Type{
				"used":    Of(Int),
				"states":  {Kinds: List, Elem: Record(map[string]*Type{"state": OneOf("idle", "active"), "count": Of(Int), "oldest_s": Of(Num).OrNull()})},
				"limits":  Record(map[string]*Type{"max": Of(Int)}),
				"comment": Of(String).OrNull(),
			}).OrNull(),
			"status": OneOf("succeeded", "failed", "skipped"),
		}),
	}),
	"alert": Record(map[string]*Type{"labels": MapOf(Of(String))}),
	"any":   Any(),
}

func vars() Vars {
	return Vars{
		"inputs": map[string]any{"service": "api", "n": 7, "share": 0.5, "maybe": nil},
		"steps": map[string]any{"db": map[string]any{
			"status": "succeeded",
			"outputs": map[string]any{
				"used":    20,
				"limits":  map[string]any{"max": 100},
				"comment": nil,
				"states": []any{
					map[string]any{"state": "idle", "count": 3, "oldest_s": 1.5},
					map[string]any{"state": "active", "count": 17, "oldest_s": nil},
				},
			},
		}},
		"alert": map[string]any{"labels": map[string]any{"alertname": "High"}},
		"any":   9223372036854775807,
	}
}

func TestPrograms(t *testing.T) {
	for _, test := range []struct {
		src  string
		want any
	}{
		{`inputs.n + 1`, 8},
		{`inputs.n / 2`, 3.5},
		{`inputs.n % 4`, 3},
		{`-inputs.n`, -7},
		{`2 ** 3`, 8.0},
		{`1 < inputs.n + 1 <= 8`, true},
		{`inputs.service + "-" + steps.db.status`, "api-succeeded"},
		{`steps.db.outputs.used < steps.db.outputs.limits.max`, true},
		{`steps["db"].outputs.used`, 20},
		{`any(steps.db.outputs.states, .state == "idle" && #.count > 2)`, true},
		{`sum(map(steps.db.outputs.states, .count))`, 20},
		{`filter(steps.db.outputs.states, .oldest_s != nil)[0].oldest_s > 1`, true},
		{`steps.db.outputs.comment ?? "none"`, "none"},
		{`steps.db.outputs.comment == nil`, true},
		{`inputs.maybe != nil && inputs.maybe > 3`, false},
		{`alert.labels.alertname in ["High", "Low"]`, true},
		{`alert.labels.other == nil`, true},
		{`"alertname" in alert.labels`, true},
		{`split("a,b", ",")[1] + join(split("c,d", ","), "-")`, "bc-d"},
		{`sort([3, 1, 2])[0] + reverse([3, 1])[0] + uniq([1, 1, 5])[1]`, 7},
		{`(inputs.n > 3 ? sort([2, 1]) : [0]) == [1, 2]`, true},
		{`first([]) ?? "nothing"`, "nothing"},
		{`len(steps.db.outputs.states) == 2 ? "two" : "many"`, "two"},
		{`find(steps.db.outputs.states, .count > 5).state`, "active"},
		{`findIndex(steps.db.outputs.states, .count > 50)`, nil},
		{`map(steps.db.outputs.states, #index)`, nil},
		{`int("12") + int(2.9)`, 14},
		{`inputs.service matches "^a.i$"`, true},
		{`inputs.service not in ["web"]`, true},
		{`max(1, 2.5)`, 2.5},
		{`abs(-3)`, 3},
		{`string(inputs.n) + "!"`, "7!"},
		{`steps.db.outputs.comment?.x`, nil},
		{`{a: 1}.a`, 1},
		{`inputs.service[0:2]`, "ap"},
		{`steps.db.outputs.states | count(.count > 1)`, 2},
	} {
		if test.src == `steps.db.outputs.comment?.x` { // text has no fields, even where it may be null
			if _, err := Compile(test.src, scope, nil); err == nil {
				t.Errorf("%s: compiled", test.src)
			}
			continue
		}
		program, problem := Compile(test.src, scope, nil)
		if problem != nil {
			t.Errorf("%s: %v", test.src, problem)
			continue
		}
		got, err := program.Any(vars())
		if err != nil {
			t.Errorf("%s: %v", test.src, err)
			continue
		}
		if list, ok := got.([]any); ok {
			if len(list) != 2 || list[1] != 1 {
				t.Errorf("%s = %v", test.src, got)
			}
			continue
		}
		if got != test.want {
			t.Errorf("%s = %v (%T), want %v (%T)", test.src, got, got, test.want, test.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		src, id, what string
		at            int
	}{
		{`inputs.servise`, "unknown-field", `inputs has no field servise`, 7},
		{`input.service`, "unknown-name", `there is no input here`, 0},
		{`1 + steps.db.outputs.usd`, "unknown-field", `steps.db.outputs has no field usd`, 21},
		{`inputs.n == "seven"`, "wrong-type", `inputs.n is an integer and is compared with`, 0},
		{`steps.db.status == "skipt"`, "wrong-type", `steps.db.status is never "skipt"`, 19},
		{`steps.db.status in ["faild"]`, "wrong-type", `steps.db.status is never "faild"`, 20},
		{`now()`, "not-allowed", `the function now is not part of the language`, 0},
		{`keys(alert.labels)`, "not-allowed", `the function keys`, 0},
		{`date("2026-01-01")`, "not-allowed", `the function date`, 0},
		{`reduce([1], #acc + #)`, "not-allowed", `the function reduce`, 0},
		{`1..100000000`, "not-allowed", `.. is not part of the language`, 1},
		{`let x = 1; x`, "not-allowed", `let and ;`, 4},
		{`inputs.n &&`, "syntax", `unexpected token EOF`, 10},
		{``, "syntax", `empty`, 0},
		{`$need(1)`, "unknown-name", `there is no function $need`, 0},
		{`$env`, "unknown-name", `there is no $env here`, 0},
		{`inputs.service.upper()`, "not-allowed", "a value has no methods", 0},
		{`!inputs.n`, "wrong-type", "inputs.n is an integer, wanted true or false", 1},
		{`inputs.service matches inputs.service`, "not-allowed", "pattern", 23},
		{`inputs.service matches "("`, "syntax", "missing closing", 23},
		{`foo(1)`, "unknown-name", "there is no function foo", 0},
		{`lenn([])`, "unknown-name", "there is no function lenn", 0},
		{`len(1)`, "wrong-type", "wanted", 4},
		{`inputs.n / 0`, "wrong-type", "division by zero", 11},
		{`inputs.n % 0`, "wrong-type", "division by zero", 11},
		{`inputs.n != nil`, "wrong-type", "inputs.n is never null: it is an integer", 0},
		{`inputs.n == 3.5`, "wrong-type", "inputs.n is never 3.5: it is an integer", 12},
		{`max()`, "wrong-type", "max takes at least 1 argument, not 0", 0},
		{`steps.db.outputs.states > 3`, "wrong-type", "steps.db.outputs.states is a list, wanted a number or text", 0},
		{`len()`, "wrong-type", "len takes 1 argument", 0},
		{`steps[inputs.service]`, "not-allowed", "must be written out", 6},
		{strings.Repeat("x ", MaxSource), "too-large", "limit", 0},
		{strings.Repeat("(", 20000) + "1" + strings.Repeat(")", 20000), "too-large", "limit", 0},
		{strings.Repeat("!", 3000) + "true", "too-large", "nested", 0},
		{`any([1], any([1], any([1], any([1], true))))`, "too-large", "nest", 0},
	} {
		program, problem := Compile(test.src, scope, nil)
		if problem == nil {
			t.Errorf("%s: compiled as %v", clipText(test.src), program.Type())
			continue
		}
		if problem.ID != test.id || !strings.Contains(problem.What, test.what) {
			t.Errorf("%s: %s: %s", clipText(test.src), problem.ID, problem)
		}
		if test.at > 0 && problem.At != test.at {
			t.Errorf("%s: at %d, want %d", test.src, problem.At, test.at)
		}
	}
}

func TestConditionMustBeBool(t *testing.T) {
	_, problem := Compile(`inputs.n + 1`, scope, Of(Bool))
	if problem == nil || problem.ID != "wrong-type" {
		t.Fatalf("got %v", problem)
	}
}

func TestFaults(t *testing.T) {
	for _, test := range []struct{ src, what string }{
		{`any + 1`, "overflows"},
		{`any * 2`, "overflows"},
		{`-any - 2`, "overflows"},
		{`sum([any, 1])`, "overflows"},
		{`inputs.n / (inputs.n - 7)`, "division by zero"},
		{`inputs.n % (inputs.n - 7)`, "division by zero"},
		{`10.0 ** 400`, "not a number"},
		{`inputs.maybe + 1`, "inputs.maybe is null"},
		{`inputs.maybe == 1`, "inputs.maybe is null"},
		{`inputs.maybe in [1]`, "inputs.maybe is null"},
		{`inputs.maybe > 1`, "inputs.maybe is null"},
		{`any.field`, "any is an integer, wanted a list or an object"},
		{`steps.db.outputs.states[5].count`, "index out of range"},
		{`int("x1")`, `"x1" is not an integer`},
		{`float("NaN")`, `"NaN" is not a number`},
		{`max([]) + 1`, "is null"},
		{`alert.labels.service + "x"`, "alert.labels.service is null"},
	} {
		program, problem := Compile(test.src, scope, nil)
		if problem != nil {
			t.Errorf("%s: %v", test.src, problem)
			continue
		}
		v, err := program.Any(vars())
		if err == nil || !strings.Contains(err.Error(), test.what) {
			t.Errorf("%s = %v, %v", test.src, v, err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %v", test.src, err)
		}
	}
}

func TestReadingThroughNullSaysWhy(t *testing.T) {
	program, problem := Compile(`steps.db.outputs.limits.max > 3`, scope, Of(Bool))
	if problem != nil {
		t.Fatal(problem)
	}
	program.Place(func(at int) string { return "book.yaml:3:" + string(rune('1'+at)) })
	for status, why := range map[string]string{
		"failed":  "steps.db.outputs is null because step db failed",
		"skipped": "steps.db.outputs is null because step db was skipped",
	} {
		_, err := program.Bool(Vars{"steps": map[string]any{"db": map[string]any{"status": status, "outputs": nil}}})
		var null *NullError
		if !errors.As(err, &null) || !strings.HasSuffix(err.Error(), why) || !strings.HasPrefix(err.Error(), "book.yaml:3:") {
			t.Errorf("%s: %v", status, err)
		}
	}
}

func TestLoopsAreBounded(t *testing.T) {
	list := make([]any, 1000)
	for i := range list {
		list[i] = strings.Repeat("x", 100)
	}
	s := Scope{"list": {Kinds: List, Elem: Of(String)}}
	for _, src := range []string{
		`any(list, any(list, # == "y"))`,
		`map(list, join(list) + join(list))`,
	} {
		program, problem := Compile(src, s, nil)
		if problem != nil {
			t.Fatal(problem)
		}
		if _, err := program.Any(Vars{"list": list}); err == nil || !strings.Contains(err.Error(), "rounds") {
			t.Errorf("%s: %v", src, err)
		}
	}
}
