package runbook

import (
	"fmt"
	"strings"
	"testing"
)

// TestOtherwise holds what the table says of keys that are left out to what
// the parser makes of that.
func TestOtherwise(t *testing.T) {
	const src = `firebreak: v1
name: case
service: api
inputs:
  size: {type: integer}
steps:
  - uses: metrics.health
    retry: {attempts: 2}
  - uses: settings.apply
    with: {setting: a, value: 1}
    approve:
      of: [{role: sre, for: 1m}]
    verify:
      uses: metrics.health
      until: result.waiting == 0
    undo:
      uses: settings.apply
      verify: {uses: metrics.health, until: result.waiting == 0}
  - wait:
      uses: metrics.health
      until: result.waiting == 0
      within: 1m
  - ask: How many, if not ${{ inputs.size ?? 1 }}?
    of: [{role: sre, for: 1m}]
    value: {type: integer}
  - foreach: [a]
    steps:
      - notify: sre
        text: ${{ item }}
`
	book, problems := Parse(caseFile, []byte(src), testCatalog(t), nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	read, change, wait, ask, each := book.Steps[0], book.Steps[1], book.Steps[2], book.Steps[3], book.Steps[4].Each
	made := map[string]any{
		"runbook.on_locked":  book.OnLocked,
		"input.required":     book.Inputs[0].Required,
		"input.default":      book.Inputs[0].Default,
		"retry.backoff":      read.Retry.Backoff,
		"retry.max_backoff":  read.Retry.MaxBackoff,
		"retry.on":           strings.ReplaceAll(fmt.Sprint(read.Retry.On), " ", ", "),
		"approve.quorum":     change.Approve.Quorum,
		"approve.valid_for":  change.Approve.ValidFor,
		"approve.on_expiry":  change.Approve.OnExpiry,
		"approve.self":       change.Approve.Self,
		"verify.for":         change.Verify.For,
		"verify.within":      change.Verify.Within,
		"verify.every":       change.Verify.Every,
		"verify.on_fail":     change.Verify.OnFail,
		"wait.every":         wait.Every,
		"step_ask.on_expiry": ask.Ask.OnExpiry,
		"optional":           read.Optional,

		"undo_verify.for": change.Undo.Verify.For, "undo_verify.within": change.Undo.Verify.Within, "undo_verify.every": change.Undo.Verify.Every,
		"step_foreach.concurrency": each.Concurrency, "step_foreach.max_failures": each.MaxFailures,
	}
	// What the parser does not decide: the engine does, or nothing is set.
	elsewhere := map[string]bool{"id": true, "if": true, "timeout": true, "undo.with": true, "step_uses.retry": true}
	for _, s := range Shapes() {
		for _, k := range s.keys {
			is, known := made[s.def+"."+k.name]
			if !known {
				is, known = made[k.name]
			}
			want, _, _ := strings.Cut(strings.TrimPrefix(k.otherwise, "`"), "`")
			switch {
			case k.otherwise == "" || elsewhere[k.name] || elsewhere[s.def+"."+k.name]:
			case !known:
				t.Errorf("nothing looks at what %s is without %s", s.name, k.name)
			case plain(is) != want:
				t.Errorf("%s of %s is %s where it is left out, not %s", k.name, s.name, plain(is), want)
			}
		}
	}
}

// plain writes a value as a runbook does.
func plain(v any) string {
	text := fmt.Sprint(v)
	if v == nil {
		return "null"
	}
	if text == "10m0s" || text == "1m0s" {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}
