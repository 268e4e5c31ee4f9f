package chatops

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/forecast"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// TestForeseen says of every kind of step what it would do.
func TestForeseen(t *testing.T) {
	holds, not := true, false
	gate := &forecast.Gate{
		Roles: []forecast.Role{
			{Role: "sre", For: forecast.Seconds(5 * time.Minute), People: []string{"ann", "bob"}},
			{Role: "empty", For: forecast.Seconds(90 * time.Second)},
			{Role: "leads", For: forecast.Seconds(time.Hour), People: []string{"eve"}, BreakGlass: true},
		},
		Quorum: 2, OnExpiry: "skip",
	}
	two := 2
	f := &forecast.Forecast{
		Steps: []*forecast.Step{
			{Path: "1", Kind: runbook.KindParallel, Happens: forecast.Done, Steps: []*forecast.Step{
				{Path: "1/a", ID: "a", Kind: runbook.KindAction, Happens: forecast.Done, Outputs: json.RawMessage(`{"setting": "max", "value": 20}`), Seconds: forecast.Seconds(1500 * time.Millisecond)},
				{Path: "1/b", ID: "b", Kind: runbook.KindAction, Happens: forecast.Done, Failure: &engine.Failure{Class: "timeout", Reason: "too late"}},
			}},
			{Path: "2", Kind: runbook.KindNotify, Happens: forecast.Would, To: "sre", Text: "hello"},
			{Path: "3", ID: "c", Kind: runbook.KindGroup, Happens: forecast.Skipped, Why: "its condition is false",
				If:    &forecast.Condition{Text: "steps.a.outputs.value > 30", Reads: map[string]any{"steps.a.outputs.value": 20}},
				Steps: []*forecast.Step{{Path: "3/1", Kind: runbook.KindWait, Happens: forecast.Skipped}}},
			{Path: "4", ID: "g", Kind: runbook.KindGroup, Happens: forecast.Would, Gate: gate,
				Verify: &forecast.Watch{Uses: "metrics.health", Until: "result.ok", For: forecast.Seconds(10 * time.Second), Within: forecast.Seconds(time.Minute), OnFail: "keep", Needs: []string{"vars.x"}},
				Steps: []*forecast.Step{
					{Path: "4/d", ID: "d", Kind: runbook.KindAction, Uses: "settings.apply", Mutates: true, Happens: forecast.Would, Retries: 2,
						Plan:  &forecast.Plan{Detail: "max 20 → 50", Unit: "settings", Affected: 1, NoPrecondition: true, Behind: []string{"z"}},
						Guard: &forecast.Guard{Uses: "settings.current", That: "result.value == 20", Now: &holds},
						Undo:  &forecast.Undo{Path: "4/d", Uses: "settings.apply", Receipt: json.RawMessage(`{"before":20}`)}},
					{Path: "4/e", ID: "e", Kind: runbook.KindAction, Uses: "settings.apply", Mutates: true, Happens: forecast.Depends,
						If: &forecast.Condition{Text: "steps.d.outputs.ok", Needs: []string{"steps.d.outputs.ok"}}, Needs: []string{"steps.d.outputs.x"},
						Guard: &forecast.Guard{Uses: "settings.current", That: "result.value == 20", Now: &not},
						Undo:  &forecast.Undo{Path: "4/e", None: "why not"}, Verify: &forecast.Watch{None: "later", Owner: "sre", LastDay: "2099-12-31"}},
				}},
			{Path: "5", ID: "f", Kind: runbook.KindAsk, Happens: forecast.Would, Value: "integer", Text: "How many?",
				Gate: &forecast.Gate{Roles: gate.Roles[:1], OnExpiry: "abort", Self: true}},
			{Path: "6", Kind: runbook.KindSet, Happens: forecast.Would, Set: []string{"x", "y"}, Needs: []string{"steps.f.outputs.value"}},
			{Path: "7", Kind: runbook.KindWait, Happens: forecast.Would, Wait: &forecast.Watch{For: forecast.Seconds(90 * time.Minute)}},
			{Path: "8", Kind: runbook.KindWait, Happens: forecast.Would, Wait: &forecast.Watch{Uses: "backlog.status", Until: "result.waiting == 0", Within: forecast.Seconds(2 * time.Minute)}},
			{Path: "9", ID: "r", Kind: runbook.KindAction, Uses: "http.get", Happens: forecast.Would, Failure: &engine.Failure{Class: "expression", Reason: "it is null"}},
			{Path: "10", Kind: runbook.KindFail, Happens: forecast.Would, Needs: []string{"steps.r.outputs.x"}},
			{Path: "11", ID: "each", Kind: runbook.KindForeach, Happens: forecast.Would, Each: &forecast.Each{Items: &two, Concurrency: 1}, Steps: []*forecast.Step{
				{Path: "11/1", Kind: runbook.KindGroup, Happens: forecast.Would, Item: json.RawMessage(`"blue"`), Steps: []*forecast.Step{
					{Path: "11/1/h", ID: "h", Kind: runbook.KindAction, Uses: "http.get", Happens: forecast.Would}}},
				{Path: "11/2", Kind: runbook.KindGroup, Happens: forecast.Would, Item: json.RawMessage(`"green"`), Steps: []*forecast.Step{
					{Path: "11/2/h", ID: "h", Kind: runbook.KindAction, Uses: "http.get", Happens: forecast.Would}}},
			}},
		},
		Undos:   []*forecast.Undo{{Path: "11/2/h", Uses: "http.put"}, {Path: "4/e", None: "why not"}, {Path: "4/d", Uses: "settings.apply"}},
		Finally: []*forecast.Step{{Path: "finally/1", Kind: runbook.KindWait, Happens: forecast.Would, Wait: &forecast.Watch{For: forecast.Seconds(300 * time.Millisecond)}}},
		Touches: []forecast.Touch{{Unit: "settings", Affected: 1}, {Unit: "replicas", Affected: 4}},
		Locks:   []string{"git:repo", "notes"},
		Cost: forecast.Costs{
			Steps: forecast.Cost{Machine: forecast.Seconds(65 * time.Second), People: forecast.Seconds(time.Hour)},
			Total: forecast.Cost{Machine: forecast.Seconds(2 * time.Hour), People: forecast.Seconds(time.Hour), NoLimit: []string{"the verdict on g"}},
		},
	}
	want := `== 
good|a|1.5s|max is 20
bad|b|0s|timeout: too late
tell|notify|0s|would tell sre: hello
skip|c|0s|skipped: its condition is false: steps.a.outputs.value > 30
  steps.a.outputs.value is 20
ask|g|0s|would ask
  asks sre for 5m: ann, bob
  then empty for 1m30s: nobody is in it
  then leads for 1h: eve, who may break the glass
  2 people must say yes; silence skips it; not by whoever starts the run
change|  d|0s|would change with settings.apply, touches 1 setting
  max 20 → 50
  as things are now; z changes the same before
  nothing can check that the target is still the same when it acts
  guard: result.value == 20, read from settings.current; holds now
  undo: settings.apply with {"before":20}
  tried again at most 2 times
change|  e|0s|depends on steps.d.outputs.ok; would change with settings.apply that depends on steps.d.outputs.x
  if: steps.d.outputs.ok
  guard: result.value == 20, read from settings.current; does not hold now
  no undo: why not
info|    verify|0s|none, says sre until 2099-12-31: later
info|  verify|0s|would read metrics.health until result.ok for 10s, within 1m; else fail and keep; depends on vars.x
ask|f|0s|would ask for a value (integer): How many?
  asks sre for 5m: ann, bob
  silence ends the run
info|set|0s|would set x, y that depends on steps.f.outputs.value
info|wait|0s|would wait 1h30m
info|wait|0s|would wait until result.waiting == 0, read from backlog.status, for at most 2m
bad|r|0s|would read http.get; it would fail: expression: it is null
info|fail|0s|would fail the run: for a reason that depends on steps.r.outputs.x
info|each|0s|would be done for 2 items
info|  1 of 2|0s|"blue"
info|    h|0s|would read http.get
info|  2 of 2|0s|"green"
info|    h|0s|would read http.get
== in trouble
undo|h (2 of 2)|0s|http.put
undo|e|0s|stays changed: why not
undo|d|0s|settings.apply
== last, however it went
info|wait|0s|would wait 300ms
== in all
info|touches|0s|1 setting, 4 replicas
info|locks|0s|git:repo, notes
info|longest|0s|2h of machines and 1h of people
  steps: 1m5s of machines and 1h of people
  no limit: the verdict on g
`
	var got strings.Builder
	for _, s := range Foreseen(f) {
		fmt.Fprintln(&got, "==", s.Title)
		for _, l := range s.Lines {
			fmt.Fprintf(&got, "%s|%s|%s|%s\n", l.Mark, l.Name, l.Took, l.Text)
			for _, d := range l.Detail {
				fmt.Fprintln(&got, " ", d)
			}
		}
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}
