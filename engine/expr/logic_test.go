package expr

import (
	"fmt"
	"strings"
	"testing"
)

var logicScope = Scope{
	"n": Of(Int).OrNull(), "s": Of(String), "b": Of(Bool), "o": Any(), "l": &Type{Kinds: List, Elem: Of(Int)},
	"r": Record(map[string]*Type{"a": Record(map[string]*Type{"x": Of(Int)}).OrNull()}),
}

// TestCases takes conditions apart.
func TestCases(t *testing.T) {
	for src, want := range map[string]string{
		`n > 5`:                  `n > 5 / n <= 5`,
		`5 < n`:                  `n > 5 / n <= 5`,
		`!(n == 5)`:              `n != 5 / n == 5`,
		`b`:                      `b == true / b == false`,
		`not b`:                  `b == false / b == true`,
		`b && n > 1`:             `b == true, n > 1 / b == false | b == true, n <= 1`,
		`b || n > 1`:             `b == true | b == false, n > 1 / b == false, n <= 1`,
		`s in ["a", "b"]`:        `s == "a" | s == "b" / s != "a", s != "b"`,
		`s not in ["a"]`:         `s != "a" / s == "a"`,
		`b ? n > 1 : n > 2`:      `b == true, n > 1 | b == false, n > 2 / b == true, n <= 1 | b == false, n <= 2`,
		`true`:                   ` / never`,
		`n == n`:                 ` / never`,
		`n != n || n < n`:        `never / `,
		`n in []`:                `never / `,
		`b && false`:             `never / b == false | b == true`,
		`s contains "x"`:         `s contains "x" / !(s contains "x")`,
		`r.a != nil`:             `r.a != nil / r.a == nil`,
		`r["a"] != nil`:          `r.a != nil / r.a == nil`,
		`len(l) > 0`:             `len(l) >= 0, len(l) > 0 / len(l) >= 0, len(l) <= 0`,
		`s < "b"`:                `s < "b" / !(s < "b")`,
		`n == 9007199254740993`:  `n == 9007199254740993 / !(n == 9007199254740993)`,
		`n == -1`:                `n == -1 / n != -1`,
		`o == false`:             `o == false / o != false`,
		`1 < n < 3`:              `n > 1, n < 3 / n <= 1 | n > 1, n >= 3`,
		`s in [s, "b"]`:          `s in [s, "b"] / !(s in [s, "b"])`,
		`any(l, # > 1) && n > 1`: `any(l, # > 1), n > 1 / !(any(l, # > 1)) | any(l, # > 1), n <= 1`,
	} {
		program, problem := Condition(src, logicScope)
		if problem != nil {
			t.Errorf("%s: %v", src, problem)
			continue
		}
		if got := casesText(program, true) + " / " + casesText(program, false); got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
}

func casesText(p *Program, holds bool) string {
	cases, known := p.Logic().Cases(holds)
	if !known {
		return "unknown"
	}
	if len(cases) == 0 {
		return "never"
	}
	var all []string
	for _, c := range cases {
		var claims []string
		for _, claim := range c {
			claims = append(claims, claim.String())
		}
		all = append(all, strings.Join(claims, ", "))
	}
	return strings.Join(all, " | ")
}

// TestTooManyCases holds that a condition with very many ways is left alone.
func TestTooManyCases(t *testing.T) {
	var parts []string
	for i := range 10 {
		parts = append(parts, fmt.Sprintf("(n == %d || s == %q)", i, fmt.Sprint(i)))
	}
	program, problem := Condition(strings.Join(parts, " && "), logicScope)
	if problem != nil {
		t.Fatal(problem)
	}
	if cases, known := program.Logic().Cases(true); known {
		t.Errorf("%d cases", len(cases))
	}
}

// TestExcludes pairs claims that cannot hold together, and some that can.
func TestExcludes(t *testing.T) {
	for src, want := range map[string]bool{
		`n > 5 && n < 3`:                      true,
		`n > 5 && n < 6`:                      false,
		`n > 5 && n <= 5`:                     true,
		`n >= 5 && n <= 5`:                    false,
		`n == 5 && n > 5`:                     true,
		`n == 5 && n >= 5`:                    false,
		`n == 5 && n != 5`:                    true,
		`n != 5 && n != 6`:                    false,
		`n != 5 && n > 5`:                     false,
		`s == "a" && s == "b"`:                true,
		`s == "a" && s != "b"`:                false,
		`b && !b`:                             true,
		`o == false && o`:                     true,
		`o != false && o != true`:             false,
		`o == 1 && o == "1"`:                  true,
		`n == nil && n > 3`:                   true,
		`n != nil && n > 3`:                   false,
		`n == nil && n != 3`:                  true,
		`r.a == nil && r.a.x > 1`:             true,
		`r.a == nil && r.a?.x == nil`:         false,
		`r.a?.x == nil && r.a.x > 1`:          true,
		`len(l) > 3 && len(l) == 0`:           true,
		`s contains "x" && s contains "y"`:    false,
		`s contains "x" && !(s contains "x")`: true,
		`any(l, # > 1) && !any(l, # > 1)`:     true,
	} {
		program, problem := Condition(src, logicScope)
		if problem != nil {
			t.Errorf("%s: %v", src, problem)
			continue
		}
		cases, _ := program.Logic().Cases(true)
		for _, c := range cases {
			if one, other, got := c.Excluded(); got != want {
				t.Errorf("%s: excluded: %v (%v, %v)", src, got, one, other)
			}
		}
	}
}

// TestUses finds the places that null would break, and under what they are
// reached.
func TestUses(t *testing.T) {
	for src, want := range map[string]string{
		`${{ r.a.x > 1 }}`:                    `4 always`,
		`${{ r.a != nil && r.a.x > 1 }}`:      `18 r.a != nil`,
		`${{ r.a == nil || r.a.x > 1 }}`:      `18 r.a != nil`,
		`${{ r.a == nil ? 0 : r.a.x }}`:       `21 r.a != nil`,
		`${{ r.a?.x ?? 1 }}`:                  ``,
		`${{ r.a.x ?? 1 }}`:                   `4 always`,
		`${{ r.a?.x }}`:                       ``,
		`${{ r.a?.x > 1 }}`:                   `4 always`,
		`${{ r.a }}`:                          ``,
		`x${{ r.a }}`:                         `5 always`,
		`x${{ r.a ?? 1 }}`:                    ``,
		`${{ (r.a ?? {x: 1}).x }}`:            ``,
		`${{ [r.a] }}`:                        ``,
		`${{ {a: r.a} }}`:                     ``,
		`${{ len(r.a) }}`:                     `8 always`,
		`${{ r.a == nil }}`:                   ``,
		`${{ r.a == r.a }}`:                   ``,
		`${{ b ? r.a.x : r.a.x + 1 }}`:        `8 b == true; 16 b == false`,
		`${{ any(l, # > r.a.x) }}`:            `15 always`,
		`${{ r.a?.x in [nil, 1] }}`:           ``,
		`${{ r.a?.x in [1, 2] }}`:             `4 always`,
		`${{ false && r.a.x > 1 }}`:           ``,
		`${{ b && (s == "q" || r.a.x > 1) }}`: `22 b == true, s != "q"`,
	} {
		value, problem := ParseTemplate(src, logicScope, nil)
		if problem != nil {
			t.Errorf("%s: %v", src, problem)
			continue
		}
		var found []string
		for _, program := range value.Programs() {
			for _, use := range program.Logic().Uses(func(name string) bool { return name == "r.a" }) {
				for _, c := range use.Under {
					under := "always"
					for i, claim := range c {
						if i == 0 {
							under = ""
						} else {
							under += ", "
						}
						under += claim.String()
					}
					found = append(found, fmt.Sprint(use.At, " ", under))
				}
			}
		}
		if got := strings.Join(found, "; "); got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
}

// TestNeeds holds what is not null once an expression has a value.
func TestNeeds(t *testing.T) {
	for src, want := range map[string]string{
		`r.a.x > 1`:             "r.a.x r.a r",
		`b && r.a.x > 1`:        "b",
		`r.a?.x == nil`:         "r",
		`any(l, r.a.x > 1)`:     "l",
		`r.a?.x > 1`:            "r.a.x r.a r",
		`(r.a.x ?? 1) > 1`:      "r.a r",
		`b ? r.a.x > 1 : false`: "b",
	} {
		program, problem := Condition(src, logicScope)
		if problem != nil {
			t.Errorf("%s: %v", src, problem)
			continue
		}
		if got := strings.Join(program.Logic().Needs(), " "); got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
}
