package forecast_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
	"github.com/firebreak-ops/firebreak/engine/forecast"
)

var began = time.Date(2024, 7, 15, 10, 42, 0, 0, time.UTC)

// look starts a run and answers what it reads, until it reads no more. All
// that is read is 1, and fails where a key says so.
func look(t *testing.T, src string) engine.Run {
	t.Helper()
	book, _, problems := enginetest.Book(src)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	run := engine.New(book)
	take := func(in engine.Input) {
		recs, err := engine.Decide(run, in, began)
		if err != nil && !errors.Is(err, engine.ErrStale) {
			t.Fatal(err)
		}
		for _, rec := range recs {
			run = engine.Apply(run, rec)
		}
	}
	take(engine.Start{Facts: engine.Facts{
		ID: "plan", Runbook: "test", Service: "api", Generation: 1, Requester: engine.Requester{Kind: "person", Name: "ann"},
		Roles:     map[string]engine.Role{"sre": {People: []string{"ann", "bob"}}, "lead": {People: []string{"eve"}, BreakGlass: true}},
		Resources: map[string]string{"world": enginetest.Resource},
	}})
	for again := true; again; {
		again = false
		for _, cmd := range engine.Pending(run) {
			switch c := cmd.(type) {
			case engine.Read:
				if len(run.Step(c.Path).Samples) == 0 {
					take(returned(c))
					again = true
				}
			case engine.Lock:
				take(engine.LocksGranted{ID: c.ID})
				again = true
			case engine.Timer:
				if wait, _ := c.Pause(); wait {
					take(engine.TimerFired{ID: c.ID})
					again = true
				}
			default:
			}
			if again {
				break
			}
		}
	}
	return run
}

func returned(c engine.Read) engine.Returned {
	if strings.Contains(string(c.Input), "broken") {
		return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Failure: &engine.Failure{Class: "unavailable", Reason: "broken"}}}
	}
	return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Outputs: json.RawMessage(`{"value": 1}`)}}
}

// foresee makes the forecast of a run, and answers what is asked for that.
func foresee(t *testing.T, run engine.Run) *forecast.Forecast {
	t.Helper()
	answers := map[string]engine.Input{}
	for range 10 {
		f, commands := forecast.Make(&run, answers)
		if len(commands) == 0 {
			return f
		}
		for _, cmd := range commands {
			switch c := cmd.(type) {
			case engine.Read:
				answers[c.ID] = returned(c)
			case engine.PlanCall:
				in := engine.Planned{ID: c.ID, Plan: engine.Plan{Detail: string(c.Input), Unit: "keys", Affected: 2}}
				if strings.Contains(string(c.Input), "refused") {
					in = engine.Planned{ID: c.ID, Failure: &engine.Failure{Class: "denied", Reason: "not that one"}}
				}
				answers[c.ID] = in
			default:
				t.Fatalf("%T is asked for", cmd)
			}
		}
	}
	t.Fatal("it never has enough")
	return nil
}

// told is a forecast in short lines.
func told(f *forecast.Forecast) string {
	var b strings.Builder
	var steps func([]*forecast.Step)
	steps = func(list []*forecast.Step) {
		for _, s := range list {
			fmt.Fprintf(&b, "%s %s", s.Path, s.Happens)
			if s.Why != "" {
				fmt.Fprintf(&b, ": %s", s.Why)
			}
			if s.If != nil && len(s.If.Needs) > 0 {
				fmt.Fprintf(&b, " on %s", strings.Join(s.If.Needs, " "))
			}
			if s.If != nil && len(s.If.Reads) > 0 {
				fmt.Fprintf(&b, " %v", s.If.Reads)
			}
			if s.Plan != nil {
				fmt.Fprintf(&b, " plan %s", s.Plan.Detail)
				if len(s.Plan.Behind) > 0 {
					fmt.Fprintf(&b, " behind %s", strings.Join(s.Plan.Behind, " "))
				}
			}
			if len(s.Needs) > 0 {
				fmt.Fprintf(&b, " needs %s", strings.Join(s.Needs, " "))
			}
			if s.Guard != nil && s.Guard.Now != nil {
				fmt.Fprintf(&b, " guard %t", *s.Guard.Now)
			}
			if s.Failure != nil {
				fmt.Fprintf(&b, " fails %s: %s", s.Failure.Class, s.Failure.Reason)
			}
			b.WriteString("\n")
			steps(s.Steps)
		}
	}
	steps(f.Steps)
	for _, u := range f.Undos {
		fmt.Fprintf(&b, "undo %s %s%s%s needs %q\n", u.Path, u.Uses, u.None, u.Input, u.Needs)
	}
	steps(f.OnFailure)
	steps(f.Finally)
	for _, touch := range f.Touches {
		fmt.Fprintf(&b, "touches %d %s\n", touch.Affected, touch.Unit)
	}
	if f.Fails() {
		b.WriteString("fails\n")
	}
	return b.String()
}

const gate = `
    approve: {of: [{role: sre, for: 5m}, {role: lead, for: 2m}]}`

const rest = `
    undo: {uses: world.set}
    verify: {none: a test, owner: sre, last_day: "2099-12-31"}`

// set is a step that sets key a.
func set(id, value string) string {
	return `
  - id: ` + id + `
    uses: world.set
    with: {key: a, value: ` + value + `}`
}

func TestMake(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"what is read is over, and a false condition says what it read": {
			"steps:" + `
  - id: a
    uses: world.read
    with: {key: x}
  - id: b
    if: steps.a.outputs.value > 1
    steps:
      - notify: sre
        text: more` + set("c", `"${{ steps.a.outputs.value }}"`) + gate + rest,
			`a done
b skipped: its condition is false map[steps.a.outputs.value:1]
b/1 skipped: the group around it is
c would plan {"key":"a","value":1}
undo c world.set needs []
touches 2 keys
`,
		},
		"what only a change tells is depended on": {
			"steps:" + set("a", "1") + gate + rest + `
  - id: b
    uses: world.read
    with: {key: x}
  - set: {seen: "${{ steps.b.outputs.value }}"}
  - if: vars.seen == 1
    notify: sre
    text: so
  - if: steps.b.status == "succeeded"
    notify: sre
    text: it is ${{ vars.seen }}
  - if: steps.b.status == "skipped"
    fail: no` + set("c", `"${{ steps.a.outputs.value }}"`) + gate + rest + set("d", "4") + gate + rest,
			`a would plan {"key":"a","value":1}
b would
3 would needs steps.b.outputs.value
4 depends on vars.seen
5 would map[steps.b.status:succeeded] needs vars.seen
6 skipped: its condition is false map[steps.b.status:succeeded]
c would needs steps.a.outputs.value
d would plan {"key":"a","value":4} behind a c
undo d world.set needs []
touches 4 keys
`,
		},
		"a group that may be passed over makes all of it so": {
			"steps:" + set("a", "1") + gate + rest + `
  - id: g
    if: steps.a.outputs.value == 1
    approve: {of: [{role: sre, for: 5m}]}
    steps:` + strings.ReplaceAll(set("b", "2")+"\n    if: inputs.yes\n    undo: {uses: world.set, with: {key: a, value: 7}}"+
				set("c", "3")+"\n    if: inputs.no\n    undo: {uses: world.set}", "\n", "\n    ") + `
    verify: {uses: world.health, until: result.ok}
  - if: steps.b.status == "skipped"
    set: {v: 1}
  - if: (vars.v ?? 0) == 1
    wait: 1s
inputs:
  yes: {type: boolean, default: true}
  no: {type: boolean, default: false}`,
			`a would plan {"key":"a","value":1}
g depends on steps.a.outputs.value
g/b depends map[inputs.yes:true] plan {"key":"a","value":2} behind a
g/c skipped: its condition is false map[inputs.no:false]
3 depends on steps.b.status
4 depends on vars.v
undo g/b world.set{"key":"a","value":7} needs []
touches 4 keys
`,
		},
		"a plan that is refused is shown at its step, and the rest goes on": {
			"steps:" + `
  - id: a
    uses: world.set
    with: {key: refused, value: 1}` + gate + rest + set("b", "2") + gate + rest,
			`a would fails denied: not that one
b would plan {"key":"a","value":2} behind a
undo b world.set needs []
touches 2 keys
fails
`,
		},
		"a guard is read now, before anything would be changed": {
			"steps:" + set("a", "1") + gate + rest + `
    guard: {uses: world.read, with: {key: x}, that: result.value == 2}` + set("b", "1") + gate + rest + `
    guard: {uses: world.read, with: {key: x}, that: result.value == 1}`,
			`a would plan {"key":"a","value":1} guard false fails guard: the guard does not hold now
b would plan {"key":"a","value":1} behind a
undo b world.set needs []
touches 4 keys
fails
`,
		},
		"a guard that holds": {
			"steps:" + set("a", "1") + gate + rest + `
    guard: {uses: world.read, with: {key: x}, that: result.value == 1}`,
			`a would plan {"key":"a","value":1} guard true
undo a world.set needs []
touches 2 keys
`,
		},
		"what follows a fail is not reached": {
			"steps:" + set("a", "1") + gate + rest + `
  - if: inputs.yes
    fail: no more
  - wait: 1s
inputs:
  yes: {type: boolean, default: true}`,
			`a would plan {"key":"a","value":1}
2 would map[inputs.yes:true]
3 skipped: the run has failed at 2
undo a world.set needs []
touches 2 keys
fails
`,
		},
		"nobody is told, and no time is waited for": {
			"steps:" + `
  - notify: sre
    text: hello
  - if: inputs.yes
    wait: 1h
  - id: a
    uses: world.read
    with: {key: x}
inputs:
  yes: {type: boolean, default: true}`,
			`1 would
2 would
a done
`,
		},
		"a value that people give is not known": {
			"steps:" + `
  - id: a
    ask: how many
    of: [{role: sre, for: 5m}]
    value: {type: integer}` + set("b", `"${{ steps.a.outputs.value }}"`) + gate + rest,
			`a would
b would needs steps.a.outputs.value
undo b world.set needs []
`,
		},
		"a handler does not know what came of the main part": {
			"steps:" + set("a", "1") + gate + rest + `
  - set: {v: 1}
on_failure:
  - if: steps.a.status == "failed"
    notify: sre
    text: it is ${{ run.failure.reason }}` + set("b", `"${{ vars.v ?? 0 }}"`) + gate + rest + set("c", "1") + gate + rest + `
finally:
  - if: (vars.v ?? 0) == 1
    wait: 1s
  - if: run.failure == nil
    wait: 1s`,
			`a would plan {"key":"a","value":1}
2 would
undo a world.set needs []
on_failure/1 depends on steps.a.status needs run.failure.reason
on_failure/b would needs vars.v
on_failure/c would plan {"key":"a","value":1} behind on_failure/b
finally/1 depends on vars.v
finally/2 depends on run.failure
touches 2 keys
`,
		},
		"a read that fails ends the run, and its handlers say what they know": {
			"steps:" + `
  - id: a
    uses: world.read
    with: {key: broken}
  - wait: 1s
on_failure:` + set("b", "1") + `
    if: run.failure.class == "unavailable"` + gate + rest,
			`a done fails unavailable: broken
2 skipped: the run has come to its end before
on_failure/b would plan {"key":"a","value":1}
fails
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := look(t, c.src)
			seq := run.Seq
			if diff := cmp.Diff(strings.Split(c.want, "\n"), strings.Split(told(foresee(t, run)), "\n")); diff != "" {
				t.Error(diff)
			}
			if run.Seq != seq {
				t.Error("the run was changed")
			}
		})
	}
}

// TestCosts holds the formulas of the package comment.
func TestCosts(t *testing.T) {
	const minute = 60
	for name, c := range map[string]struct {
		src             string
		machine, people float64
		noLimit         int
	}{
		"a read":               {"steps: [{uses: world.read, with: {key: x}}]", 30, 0, 0},
		"a read with a time":   {"steps: [{uses: world.read, with: {key: x}, timeout: 5s}]", 5, 0, 0},
		"a read tried again":   {"steps: [{uses: world.read, with: {key: x}, timeout: 5s, retry: {attempts: 4, backoff: 1s, max_backoff: 2s}}]", 4*5 + 1 + 2 + 2, 0, 0},
		"a wait":               {"steps: [{wait: 90s}]", 90, 0, 0},
		"a wait for something": {"steps: [{wait: {uses: world.health, until: result.ok, within: 2m}}]", 120, 0, 0},
		"a value":              {"steps: [{ask: how many, of: [{role: sre, for: 3m}, {role: lead, for: 1m}], value: {type: integer}}]", 0, 4 * minute, 0},
		"a change": {
			"steps:" + set("a", "1") + gate + rest,
			30 + 30 + 10*minute, 7 * minute, 0,
		},
		"a change with a guard, tried again": {
			"steps:" + set("a", "1") + gate + rest + `
    timeout: 1m
    guard: {uses: world.read, with: {key: x}, that: result.value == 1}
    retry: {attempts: 2, backoff: 3s}`,
			30 + 2*(30+30+60) + 3, 7 * minute, 0,
		},
		"a change that nothing can probe": {
			"steps:" + `
  - uses: world.once
    with: {key: a}` + gate + strings.Replace(rest, "uses: world.set", "none: no", 1),
			30 + 30 + 10*minute, 7 * minute, 1,
		},
		"a verify": {
			"steps:" + set("a", "1") + gate + `
    undo: {uses: world.set}
    verify: {uses: world.health, until: result.ok, within: 40s}`,
			30 + 30 + 10*minute + 40, 7 * minute, 1,
		},
		"side by side":        {"steps: [{parallel: [{wait: 10s}, {steps: [{wait: 5s}, {wait: 6s}]}, {wait: 3s}]}]", 11, 0, 0},
		"a group that is cut": {"steps: [{timeout: 7s, steps: [{wait: 5s}, {if: inputs.yes, wait: 6s}]}]\ninputs: {yes: {type: boolean, default: true}}", 7, 0, 0},
		"a run that is cut":   {"timeout: 8s\nsteps: [{wait: 5s}, {if: inputs.yes, wait: 6s}]\ninputs: {yes: {type: boolean, default: true}}", 8, 0, 0},
		"a change is not cut": {
			"timeout: 8s\nsteps:" + set("a", "1") + gate + rest + "\n  - {if: inputs.yes, wait: 10m}\ninputs: {yes: {type: boolean, default: true}}",
			8 + 10*minute, 7 * minute, 0,
		},
		"what is skipped": {"steps: [{wait: 1s}, {if: inputs.no, wait: 6s}]\ninputs: {no: {type: boolean, default: false}}", 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := foresee(t, look(t, c.src)).Cost.Steps
			if s := time.Duration(got.Machine).Seconds(); s != c.machine {
				t.Errorf("%v s of machines, want %v", s, c.machine)
			}
			if s := time.Duration(got.People).Seconds(); s != c.people {
				t.Errorf("%v s of people, want %v", s, c.people)
			}
			if len(got.NoLimit) != c.noLimit {
				t.Errorf("no limit for %q, want %d", got.NoLimit, c.noLimit)
			}
		})
	}
}

// TestTrouble counts the undos of the step at the top that has most of them,
// then on_failure; all together is trouble at the last moment.
func TestTrouble(t *testing.T) {
	got := foresee(t, look(t, "steps:"+set("a", "1")+gate+rest+"\n    timeout: 1m"+set("b", "1")+gate+rest+"\n    timeout: 2m"+`
on_failure: [{wait: 7s}]
finally: [{wait: 11s}]`)).Cost
	steps, trouble, finally := 30+30+60+30+30+120, 30+120+7, 11
	for name, c := range map[string]struct {
		got  forecast.Cost
		want int
	}{"steps": {got.Steps, steps}, "trouble": {got.Trouble, trouble}, "finally": {got.Finally, finally}, "total": {got.Total, steps + trouble + finally}} {
		if s := time.Duration(c.got.Machine).Seconds(); s != float64(c.want) {
			t.Errorf("%s: %v s, want %d", name, s, c.want)
		}
	}
}

// TestGate says who is asked, and whom the roles hold.
func TestGate(t *testing.T) {
	f := foresee(t, look(t, "steps:"+set("a", "1")+`
    approve: {of: [{role: sre, for: 5m}, {role: lead, for: 2m}], quorum: 2, on_expiry: skip, self: true}`+rest))
	want := &forecast.Gate{
		Roles: []forecast.Role{
			{Role: "sre", For: forecast.Seconds(5 * time.Minute), People: []string{"ann", "bob"}},
			{Role: "lead", For: forecast.Seconds(2 * time.Minute), People: []string{"eve"}, BreakGlass: true},
		},
		Quorum: 2, OnExpiry: "skip", Self: true, ValidFor: forecast.Seconds(10 * time.Minute),
	}
	if diff := cmp.Diff(want, f.Steps[0].Gate); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{enginetest.Resource}, f.Locks); diff != "" {
		t.Error(diff)
	}
}
