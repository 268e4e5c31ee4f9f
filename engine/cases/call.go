package cases

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// begin sees to a command that has been opened.
func (p *player) begin(cmd engine.Command) {
	id := cmd.CommandID()
	switch c := cmd.(type) {
	case engine.Timer:
		p.later(due{at: c.At, rank: rankTimer, id: id, give: func() engine.Input { return engine.TimerFired{ID: id} }})
	case engine.Lock:
		p.answer(id, p.now, func() engine.Input { return engine.LocksGranted{ID: id} })
	case engine.Notify:
		p.answer(id, p.now, func() engine.Input { return engine.Notified{ID: id} })
	case engine.PlanCall:
		p.plan(c)
	case engine.Read:
		p.read(c)
	case engine.Act:
		p.change(id, partOwn, c.Path, c.Action, c.Input, c.Deadline)
	case engine.Undo:
		p.change(id, partUndo, c.Path, c.Action, orReceipt(c.Input, c.Receipt), c.Deadline)
	case engine.Probe:
		p.probe(c)
	case engine.Ask, engine.StopCall:
	}
}

func orReceipt(input, receipt json.RawMessage) json.RawMessage {
	if input == nil {
		return receipt
	}
	return input
}

func (p *player) answer(id string, at time.Time, give func() engine.Input) {
	p.later(due{at: at, rank: rankAnswer, id: id, give: give})
}

// find returns the answers to a call, and under which name they stand.
func (p *player) find(keys []string) (string, []answer) {
	for _, key := range keys {
		if list := p.c.actions[key]; len(list) > 0 {
			return key, list
		}
	}
	return "", nil
}

// peek is the answer that the next call will have; nil: none is written.
func (p *player) peek(keys []string) (string, *answer) {
	key, list := p.find(keys)
	if list == nil {
		return keys[0], nil
	}
	return key, &list[min(p.next[key], len(list)-1)]
}

// consume notes a call, and returns its answer.
func (p *player) consume(keys []string, input json.RawMessage) *answer {
	p.calls = append(p.calls, call{keys, input})
	p.began(keys...)
	key, a := p.peek(keys)
	p.next[key]++
	p.planned[key] = 0
	return a
}

// phaseOf is the last part of a command's id: what of the step it calls.
func phaseOf(id string) string {
	_, rest, _ := strings.Cut(id, "#")
	_, phase, _ := strings.Cut(rest, "/")
	return phase
}

func attemptOf(id string) string {
	_, rest, _ := strings.Cut(id, "#")
	attempt, _, _ := strings.Cut(rest, "/")
	return attempt
}

func (p *player) keys(path, part, action string) []string {
	return p.c.index.callKeys(path, part, action)
}

// plan answers a plan: what is written, or what the target's story so far
// makes of it.
func (p *player) plan(c engine.PlanCall) {
	part, undo := partOwn, strings.HasPrefix(phaseOf(c.ID), "undo.")
	if undo {
		part = partUndo
	}
	keys := p.keys(c.Path, part, c.Action)
	key, a := p.peek(keys)
	var says plan
	n := 0 // which of the plans that are written
	if a != nil && len(a.plans) > 0 {
		n = min(p.planned[key], len(a.plans)-1)
		says = a.plans[n]
		p.planned[key]++
	}
	if says.fail != "" {
		f := &engine.Failure{Class: says.fail, Reason: cmp.Or(says.reason, "the case says so")}
		p.answer(c.ID, p.now, func() engine.Input { return engine.Planned{ID: c.ID, Failure: f} })
		return
	}
	input := orReceipt(c.Input, c.Receipt)
	out := engine.Plan{
		Binding: says.binding.at(p.now), Detail: cmp.Or(says.detail, c.Action+" as asked"), Unit: cmp.Or(says.unit, "target"),
		Affected: says.affected, Total: says.total, Resource: says.resource, Undo: receiptOf(c.Path, attemptOf(c.ID)),
		Fingerprint: cmp.Or(says.fingerprint, p.target(c.Path, undo)),
	}
	if out.Binding == nil {
		out.Binding = input
	}
	if says.total == 0 && says.affected == 0 {
		out.Affected, out.Total = 1, 1
	}
	if says.drift {
		out.Fingerprint = fmt.Sprintf("as somebody else left it (%d)", n)
	}
	p.answer(c.ID, p.now, func() engine.Input { return engine.Planned{ID: c.ID, Plan: out} })
}

// target is the fingerprint of what a step changes: as an attempt of it has
// left it, or as it was before.
func (p *player) target(path string, undo bool) string {
	for _, row := range slices.Backward(p.run.Ledger) {
		if row.Path == path && row.Left != "" && (undo || row.State != engine.RowUndone) {
			return row.Left
		}
	}
	return "as it was"
}

func receiptOf(path, attempt string) json.RawMessage {
	return rawOf(map[string]string{"receipt_of": path + "#" + attempt})
}

// read answers a step's own read, a guard, or a sample.
func (p *player) read(c engine.Read) {
	part := partOwn
	step := p.run.Book.Step(c.Path)
	switch phase := phaseOf(c.ID); {
	case strings.HasPrefix(phase, "guard."):
		part = partGuard
	case strings.HasPrefix(phase, "verify.") && step != nil && step.Kind != runbook.KindWait:
		part = partVerify
	case strings.HasPrefix(phase, "undo.verify."):
		part = partUndoVerify
	}
	if !c.NotBefore.After(p.now) {
		p.readNow(c, part)
		return
	}
	// A sample that is due later is no call yet: what happens until then may
	// make it needless.
	p.answer(c.ID, c.NotBefore, func() engine.Input {
		p.readNow(c, part)
		return nil
	})
}

func (p *player) readNow(c engine.Read, part string) {
	keys := p.keys(c.Path, part, c.Action)
	key, _ := p.peek(keys)
	p.reading[c.ID] = key
	a := p.consume(keys, c.Input)
	if a == nil {
		p.unscripted(part, c)
		return
	}
	at := p.now.Add(a.takes)
	if a.lost || at.After(c.Deadline) {
		f := &engine.Failure{Class: "timeout", Reason: "no answer came by the deadline"}
		p.answer(c.ID, c.Deadline, func() engine.Input {
			return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Failure: f, Effect: engine.EffectNone}}
		})
		return
	}
	p.answer(c.ID, at, func() engine.Input {
		return engine.Returned{ID: c.ID, Outcome: fresh(p.outcome(a, engine.EffectNone), c.Input)}
	})
}

// rounding is by how much the times of a recorded case may be off.
const rounding = 100 * time.Millisecond

// fresh ends a read as inconclusive, as its contract does, where what it
// returns was measured before the time that it was asked for.
func fresh(o engine.Outcome, input json.RawMessage) engine.Outcome {
	var asked struct {
		NotBefore time.Time `json:"not_before"`
	}
	var got struct {
		To time.Time `json:"to"`
	}
	if json.Unmarshal(input, &asked) != nil || asked.NotBefore.IsZero() || json.Unmarshal(o.Outputs, &got) != nil || got.To.IsZero() {
		return o
	}
	if got.To.Before(asked.NotBefore.Add(-rounding)) {
		f := &engine.Failure{Class: "inconclusive", Reason: "nothing was measured since " + asked.NotBefore.Format(time.TimeOnly)}
		return engine.Outcome{Failure: f, Effect: engine.EffectNone}
	}
	return o
}

func (p *player) outcome(a *answer, effect engine.Effect) engine.Outcome {
	if a.fail != "" {
		if a.effect != "" {
			effect = a.effect
		}
		return engine.Outcome{Effect: effect, Failure: &engine.Failure{Class: a.fail, Reason: cmp.Or(a.reason, "the case says so")}}
	}
	return engine.Outcome{Effect: effect, Outputs: a.outputs.at(p.now)}
}

// unscripted fails a case that says nothing of a read, and shows what to add.
func (p *player) unscripted(part string, c engine.Read) {
	name := label(p.run.Book, c.Path)
	hint := "add to actions:\n" + stub(name+part, p.c.index.actions[c.Action])
	p.failf(p.c.Pos, hint, "%s was called for %s, and the case does not say what it answers", c.Action, name)
}

// stub is an answer to fill in.
func stub(name string, action *runbook.Action) string {
	var outputs any = map[string]any{}
	if action != nil {
		outputs = written(empty(action.Output))
	}
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if enc.Encode(map[string]any{name: map[string]any{"outputs": outputs}}) != nil {
		return name + ": {outputs: {}}"
	}
	return strings.TrimSpace(b.String())
}

// written is a value as it stands in a case.
func written(v any) any {
	switch v := v.(type) {
	case moment:
		if v == 0 {
			return "now"
		}
		return fmt.Sprintf("now%+d", v)
	case map[string]any:
		out := map[string]any{}
		for name, item := range v {
			out[name] = written(item)
		}
		return out
	default:
		return v
	}
}

// change answers a change, or an undo. One of which nothing is written does
// what it should.
func (p *player) change(id, part, path, action string, input json.RawMessage, deadline time.Time) {
	keys := p.keys(path, part, action)
	a := p.consume(keys, input)
	if a == nil {
		a = &answer{}
		if known := p.c.index.actions[action]; known != nil {
			a.outputs = newValue(known.Output, empty(known.Output))
		}
	}
	lost := engine.Outcome{
		Effect:  engine.EffectUnknown,
		Failure: &engine.Failure{Class: cmp.Or(a.fail, "unavailable"), Reason: cmp.Or(a.reason, "the answer was lost")},
	}
	at := p.now.Add(a.takes)
	if at.After(deadline) {
		at = deadline
		lost.Failure.Class = "timeout"
	}
	if a.lost || p.now.Add(a.takes).After(deadline) {
		p.answer(id, at, func() engine.Input { return engine.Returned{ID: id, Outcome: lost} })
		return
	}
	p.answer(id, at, func() engine.Input { return engine.Returned{ID: id, Outcome: p.done(a, id, path)} })
}

// done is the outcome of a change.
func (p *player) done(a *answer, id, path string) engine.Outcome {
	effect := engine.EffectNone
	if a.fail == "" {
		effect = cmp.Or(a.effect, engine.EffectApplied)
	}
	o := p.outcome(a, effect)
	if o.Effect == engine.EffectNone {
		return o
	}
	attempt := attemptOf(id)
	o.Receipt = a.receipt.at(p.now)
	if o.Receipt == nil {
		o.Receipt = receiptOf(path, attempt)
	}
	o.Left = cmp.Or(a.left, fmt.Sprintf("as %s of %s#%s left it", phaseOf(id), path, attempt))
	return o
}

// effects are what a probe finds.
var effects = map[string]engine.Effect{
	engine.ChoiceHappened: engine.EffectApplied, engine.ChoiceNot: engine.EffectNone,
	engine.ChoicePartial: engine.EffectPartial, engine.ChoiceUnknown: engine.EffectUnknown, "": engine.EffectUnknown,
}

// probe tells what became of a call, as its answer says.
func (p *player) probe(c engine.Probe) {
	part := partOwn
	if strings.HasPrefix(phaseOf(c.ID), "undo.") {
		part = partUndo
	}
	key, list := p.find(p.keys(c.Path, part, c.Action))
	a := &answer{}
	if n := p.next[key]; len(list) > 0 {
		a = &list[max(0, min(n, len(list))-1)]
	}
	effect := effects[a.found]
	p.answer(c.ID, p.now, func() engine.Input {
		o := engine.Outcome{Effect: effect}
		if effect == engine.EffectApplied || effect == engine.EffectPartial {
			done := *a
			done.fail, done.effect = "", effect
			if known := p.c.index.actions[c.Action]; done.outputs == nil && known != nil {
				done.outputs = newValue(known.Output, empty(known.Output))
			}
			o = p.done(&done, c.Call, c.Path)
		}
		return engine.Probed{ID: c.ID, Outcome: o}
	})
}
