package forecast_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// each is a foreach behind a gate, whose item sets its key twice.
func each(id, list string, lines ...string) string {
	return `
  - id: ` + id + `
    foreach: ` + list + `
    ` + strings.Join(lines, "\n    ") + gate + `
    verify: {none: a test, owner: sre, last_day: "2099-12-31"}
    steps:
      - id: s
        uses: world.set
        with: {key: "${{ item }}", value: 1}
        undo: {uses: world.set}
      - if: item == "y"
        set: {v: "${{ item }}"}
      - if: (vars.v ?? "") == "y"
        wait: 10s`
}

const called = `
---
name: other
inputs: {key: {type: string}, size: {type: integer, default: 3}}
steps:
  - id: a
    uses: world.set
    with: {key: "${{ inputs.key }}", value: "${{ inputs.size }}"}
    undo: {uses: world.set}
    verify: {none: a test, owner: sre, last_day: "2099-12-31"}
on_failure:
  - notify: sre
    text: ${{ inputs.key }} failed
outputs: {size: "${{ inputs.size }}"}`

func TestCompose(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"a foreach is unrolled where its list is known": {
			"steps:" + each("e", "[x, y]"),
			`e would
e/1 would
e/1/s would plan {"key":"x","value":1}
e/1/2 skipped: its condition is false map[item:x]
e/1/3 skipped: its condition is false map[vars.v:<nil>]
e/2 would
e/2/s would plan {"key":"y","value":1} behind e/1/s
e/2/2 would map[item:y]
e/2/3 would map[vars.v:y]
undo e/2/s world.set needs []
undo e/1/s world.set needs []
touches 4 keys
`,
		},
		"behind a change its list may be known, too, or not": {
			"steps:" + set("a", "1") + gate + rest + each("e", "[x, y]") +
				strings.ReplaceAll(each("f", `"${{ steps.a.outputs.value > 0 ? ['x', 'y'] : [] }}"`), "id: s", "id: t"),
			`a would plan {"key":"a","value":1}
e would
e/1 would
e/1/s would plan {"key":"x","value":1} behind a
e/1/2 skipped: its condition is false map[item:x]
e/1/3 skipped: its condition is false map[vars.v:<nil>]
e/2 would
e/2/s would plan {"key":"y","value":1} behind a e/1/s
e/2/2 would map[item:y]
e/2/3 would map[vars.v:y]
f would
f/item depends
f/item/t depends needs item
f/item/2 depends on item needs item
f/item/3 depends on vars.v
undo f/item/t world.set needs []
touches 6 keys
`,
		},
		"a runbook that is called is a group with its own names": {
			"steps:" + set("b", "1") + gate + rest + `
  - id: c
    call: other
    with: {key: x}` + gate + `
  - id: d
    call: other
    with: {key: y, size: "${{ steps.b.outputs.value }}"}` + gate + called,
			`b would plan {"key":"a","value":1}
c would
c/a would plan {"key":"x","value":3} behind b
d would needs steps.b.outputs.value
d/a would needs inputs.key inputs.size
undo d/a world.set needs []
on_failure/call.c would
on_failure/call.c/1 would
on_failure/call.d would
on_failure/call.d/1 would needs inputs.key
touches 4 keys
`,
		},
		"what is not called has no handlers": {
			"steps:" + `
  - id: c
    if: inputs.no
    call: other
    with: {key: x}` + gate + `
inputs: {no: {type: boolean, default: false}}` + called,
			`c skipped: its condition is false map[inputs.no:false]
c/a skipped: the group around it is
on_failure/call.c skipped: c was not called
on_failure/call.c/1 skipped: the group around it is
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(strings.Split(c.want, "\n"), strings.Split(told(foresee(t, look(t, c.src))), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestItems counts rounds of items, or all of them in a row where that is less.
func TestItems(t *testing.T) {
	for name, c := range map[string]struct {
		src     string
		seconds float64
		noLimit int
	}{
		"in a row":          {"{foreach: [a, b, c], steps: [{wait: 10s}]}", 30, 0},
		"two side by side":  {"{foreach: [a, b, c], concurrency: 2, steps: [{wait: 10s}]}", 20, 0},
		"all side by side":  {"{foreach: [a, b, c], concurrency: 9, steps: [{wait: 10s}]}", 10, 0},
		"of different cost": {"{foreach: [a, b, c], concurrency: 2, steps: [{if: 'item == \"a\"', wait: 30s}, {wait: 1s}]}", 33, 0},
		"cut":               {"{foreach: '${{ split(\"a,b,c\", \",\") }}', timeout: 12s, steps: [{wait: 10s}]}", 12, 0},
		"not known":         {"{foreach: '${{ [steps.v.outputs.value] }}', steps: [{wait: 10s}]}", 10, 1},
	} {
		t.Run(name, func(t *testing.T) {
			ask := "steps:\n  - id: v\n    ask: how many\n    of: [{role: sre, for: 1m}]\n    value: {type: integer}\n  - "
			if !strings.Contains(c.src, "steps.v") {
				ask = "steps:\n  - "
			}
			got := foresee(t, look(t, ask+c.src)).Cost.Steps
			if s := time.Duration(got.Machine).Seconds(); s != c.seconds {
				t.Errorf("%v s, want %v", s, c.seconds)
			}
			if len(got.NoLimit) != c.noLimit {
				t.Errorf("no limit for %q", got.NoLimit)
			}
		})
	}
}
