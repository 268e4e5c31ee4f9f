package forecast

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Make foresees a run from where it stands. answers are what was answered to
// the commands that earlier calls returned, by their ids; the commands returned
// are a [engine.PlanCall] for each change and a [engine.Read] for each guard
// whose answer would tell more. Neither changes anything. When there are none,
// the forecast is whole. The run is not changed.
func Make(run *engine.Run, answers map[string]engine.Input) (*Forecast, []engine.Command) {
	f := &Forecast{
		Runbook: run.Facts.Runbook, Title: run.Book.Title, Service: run.Facts.Service, Environment: run.Facts.Environment,
		Word: run.Word, Failure: run.Failed,
	}
	all := &walk{run: *run, base: run, answers: answers}
	f.Steps = all.steps(run.Book.Steps, Would)
	f.Returns = all.returns()
	f.Locks = all.targets()
	f.Undos = undos(f.Steps)
	f.Touches = touches(f.Steps)

	onFailure := handler(all, run.Book.Steps)
	f.OnFailure = onFailure.steps(run.Book.OnFailure, Would)
	finally := handler(all, run.Book.Steps, run.Book.OnFailure)
	f.Finally = finally.steps(run.Book.Finally, Would)
	f.Cost = costs(run.Book.Timeout, f)
	return f, slices.Concat(all.commands, onFailure.commands, finally.commands)
}

// returns are the outputs of the run, after its main part.
func (w *walk) returns() []Return {
	if w.run.Book.Outputs == nil || w.over != "" {
		return nil
	}
	var out []Return
	for _, name := range slices.Sorted(maps.Keys(w.run.Book.Outputs.Type().Fields)) {
		r := Return{Name: name}
		r.Value, r.Needs = w.value(w.run.Book.Frame, w.run.Book.Outputs.Field(name), nil)
		out = append(out, r)
	}
	return out
}

// handler is a walk through a handler: what the steps before it have come to by
// then is known only where they are over.
func handler(all *walk, before ...[]*runbook.Step) *walk {
	run := all.base
	w := &walk{run: *run, base: run, answers: all.answers, handler: true, called: all.called}
	runbook.Walk(slices.Concat(before...), func(s *runbook.Step) {
		if state := run.Step(s.Path); state.Done() {
			return
		}
		for _, a := range s.Set {
			w.unset = with(w.unset, engine.VariableKey(s.Frame, a.Name))
		}
	})
	return w
}

// walk goes through steps in the order written.
type walk struct {
	run      engine.Run  // as it is supposed to be where the walk stands
	base     *engine.Run // as it is
	answers  map[string]engine.Input
	commands []engine.Command
	handler  bool

	known   map[string]bool    // paths whose status is known, besides those that are over
	unset   map[string]bool    // keys of variables whose value is not known
	called  map[string]Happens // calls, by their path
	changes []change           // that would have been made before
	over    string             // why nothing that follows is reached; empty: it is
}

// change is a mutation that was walked through.
type change struct{ path, target string }

func (w *walk) steps(steps []*runbook.Step, around Happens) []*Step {
	var out []*Step
	for _, s := range steps {
		out = append(out, w.step(s, around))
	}
	return out
}

// step foresees one step. around is what is known of the group around it.
func (w *walk) step(s *runbook.Step, around Happens) *Step {
	f := &Step{Path: s.Path, ID: s.ID, Kind: s.Kind, Uses: s.Uses, Mutates: s.Mutates(), step: s}
	if s.ItemOf() == s {
		f.Item = s.Frame.Item
	}
	w.begin(s, f, around)
	if f.Happens == Skipped {
		w.call(s, f)
		w.suppose(s, f)
		f.Steps = w.steps(s.Steps, Skipped)
		return f
	}
	s = w.unroll(s, f)
	w.call(s, f)
	w.gate(s, f)
	w.guard(s, f)
	w.perform(s, f)
	f.Steps = w.steps(s.Steps, inside(f))
	if s.Retry != nil {
		f.Retries = s.Retry.Attempts - 1
	}
	w.suppose(s, f)
	f.Undo = w.undo(s, f)
	f.Verify = w.verify(s)
	if s.Kind == runbook.KindFail && f.Happens == Would && !w.handler {
		w.over = "the run has failed at " + s.Path
	}
	return f
}

// begin says whether a step happens, and why not.
func (w *walk) begin(s *runbook.Step, f *Step, around Happens) {
	state := w.base.Step(s.Path)
	switch {
	case state.Status == engine.StatusSkipped:
		f.Happens, f.Why = Skipped, "only reads are made by then"
		if s.If != nil {
			f.If, _, _ = w.condition(s)
			f.Why = "its condition is false"
		}
	case around == Skipped:
		f.Happens, f.Why = Skipped, "the group around it is"
	case state.Status == engine.StatusSucceeded && supposed(s):
		f.Happens = Would
	case state.Done() && state.Status != engine.StatusCancelled:
		f.Happens, f.Outputs, f.Failure = Done, state.Outputs, state.Failure
		f.Seconds = Seconds(state.EndedAt.Sub(state.StartedAt))
	case s.Of != nil && w.called[s.Of.Path] == Skipped:
		f.Happens, f.Why = Skipped, s.Of.Path+" was not called"
	case w.over != "":
		f.Happens, f.Why = Skipped, w.over
	case w.past(s):
		f.Happens, f.Why = Skipped, "the run has come to its end before"
	case state.Status != engine.StatusPending || s.If == nil:
		f.Happens = around
	default:
		w.decide(s, f, around)
	}
}

// supposed reports whether a step that is over was not really done: nobody is
// told, and no time is waited for.
func supposed(s *runbook.Step) bool {
	return s.Kind == runbook.KindNotify || s.Kind == runbook.KindWait && s.Uses == ""
}

// past reports whether the run has left the part that a step is in.
func (w *walk) past(s *runbook.Step) bool {
	if w.base.Ended() {
		return true
	}
	if !w.handler {
		return w.base.Phase != engine.PhaseRunning
	}
	in := func(list []*runbook.Step) bool { return slices.ContainsFunc(list, s.In) }
	return w.base.Phase == engine.PhaseFinally && in(w.base.Book.OnFailure)
}

// decide looks at a condition that the run has not come to.
func (w *walk) decide(s *runbook.Step, f *Step, around Happens) {
	condition, holds, failure := w.condition(s)
	f.If, f.Happens = condition, around
	switch {
	case len(condition.Needs) > 0:
		f.Happens = Depends
	case failure != "":
		f.Failure = &engine.Failure{Class: "expression", Reason: failure}
	case !holds:
		f.Happens, f.Why = Skipped, "its condition is false"
	}
}

// perform foresees what a step itself does.
func (w *walk) perform(s *runbook.Step, f *Step) {
	if f.Happens == Done && !s.Mutates() {
		return
	}
	switch s.Kind {
	case runbook.KindNotify, runbook.KindFail, runbook.KindAsk:
		f.To = s.To
		f.Text, f.Needs = w.text(s)
		if s.Ask != nil {
			f.Value = s.Ask.Word
		}
	case runbook.KindWait:
		f.Wait = w.wait(s)
	case runbook.KindSet:
		w.set(s, f)
	case runbook.KindAction:
		w.action(s, f)
	default:
	}
}

// action foresees the call of an action: of a change its plan.
func (w *walk) action(s *runbook.Step, f *Step) {
	f.Input, f.Needs = w.value(s.Frame, s.With, &f.Failure)
	if !s.Mutates() {
		return
	}
	target := w.target(s)
	defer func() { w.changes = append(w.changes, change{s.Path, target}) }()
	if f.Input == nil {
		return
	}
	in, answered := w.ask(engine.PlanCall{ID: w.id(s, "plan"), Path: s.Path, Service: w.base.Facts.Service, Action: s.Uses, Input: f.Input})
	if !answered {
		return
	}
	planned, ok := in.(engine.Planned)
	switch {
	case !ok:
		f.Failure = &engine.Failure{Class: "internal", Reason: fmt.Sprintf("%T is no answer to a plan", in)}
	case planned.Failure != nil:
		f.Failure = planned.Failure
	default:
		p := planned.Plan
		f.Plan = &Plan{
			Binding: p.Binding, Detail: p.Detail, Unit: p.Unit, Affected: p.Affected, Total: p.Total, Served: p.Served,
			NoPrecondition: s.Action.NoPrecondition, Behind: w.behind(target), receipt: p.Undo,
		}
	}
}

// behind are the changes before this one that may change the same target.
func (w *walk) behind(target string) []string {
	var out []string
	for _, c := range w.changes {
		if target != "" && c.target == target {
			out = append(out, c.path)
		}
	}
	return out
}

// targets are what all mutations of the runbook may change, sorted: a run locks
// them before its first gate.
func (w *walk) targets() []string {
	set := map[string]bool{}
	for _, s := range w.run.Book.Mutations() {
		if target := w.target(s); target != "" {
			set[target] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// target is the identity of what a change changes; empty where that is not
// known.
func (w *walk) target(s *runbook.Step) string {
	if s.Resource == nil {
		return w.base.Facts.Resources[s.Action.Capability]
	}
	if len(w.needs(s.Frame, s.Resource.Programs()...)) > 0 {
		return ""
	}
	v, err := s.Resource.Eval(w.run.Scope(s.Frame, nil, s.Resource.Programs()...))
	if err != nil {
		return ""
	}
	return fmt.Sprint(v)
}

// ask returns the answer to a command, or keeps the command to be asked.
func (w *walk) ask(c engine.Command) (engine.Input, bool) {
	in, ok := w.answers[c.CommandID()]
	if !ok {
		w.commands = append(w.commands, c)
	}
	return in, ok
}

func (w *walk) id(s *runbook.Step, what string) string {
	return fmt.Sprintf("%s/%s/forecast.%s", w.base.Facts.ID, s.Path, what)
}

// guard foresees a guard. It is read now where nothing would have been changed
// before it.
func (w *walk) guard(s *runbook.Step, f *Step) {
	if s.Guard == nil || f.Happens == Done {
		return
	}
	g := &Guard{Uses: s.Guard.Uses, That: s.Guard.That.Source()}
	f.Guard = g
	var failure *engine.Failure
	g.Input, g.Needs = w.value(s.Frame, s.Guard.With, &failure)
	if failure != nil {
		g.Failure = failure.Reason
	}
	if needs := w.needs(s.Frame, s.Guard.That); len(needs) > 0 {
		g.Needs = merge(g.Needs, needs)
	}
	if g.Input == nil || len(g.Needs) > 0 || len(w.changes) > 0 || w.handler {
		return
	}
	in, answered := w.ask(engine.Read{ID: w.id(s, "guard"), Path: s.Path, Service: w.base.Facts.Service, Action: s.Guard.Uses, Input: g.Input})
	if !answered {
		return
	}
	got, ok := in.(engine.Returned)
	if !ok || got.Outcome.Failure != nil {
		g.Failure = "it could not be read"
		if ok {
			g.Failure = got.Outcome.Failure.Reason
		}
		return
	}
	holds, err := s.Guard.That.Bool(w.run.Scope(s.Frame, engine.Decoded(s.Guard.Action, got.Outcome.Outputs), s.Guard.That))
	if err != nil {
		g.Failure = err.Error()
		return
	}
	g.Now = &holds
	if !holds {
		f.Failure = &engine.Failure{Class: "guard", Reason: "the guard does not hold now"}
	}
}

func (w *walk) wait(s *runbook.Step) *Watch {
	if s.Uses == "" {
		return &Watch{For: Seconds(s.For)}
	}
	v := &Watch{Uses: s.Uses, Until: s.Until.Source(), Within: Seconds(s.Within), Every: Seconds(s.Every)}
	v.Input, v.Needs = w.value(s.Frame, s.With, nil)
	return v
}

func (w *walk) verify(s *runbook.Step) *Watch {
	switch v := s.Verify; {
	case v == nil:
		return nil
	case v.None != "":
		return &Watch{None: v.None, Owner: v.Owner, LastDay: v.LastDay}
	default:
		out := &Watch{
			Uses: v.Uses, Until: v.Until.Source(), OnFail: v.OnFail,
			For: Seconds(v.For), Within: Seconds(v.Within), Every: Seconds(v.Every),
		}
		out.Input, out.Needs = w.value(s.Frame, v.With, nil)
		return out
	}
}

// undo foresees how a change would be taken back.
func (w *walk) undo(s *runbook.Step, f *Step) *Undo {
	if s.Undo == nil {
		return nil
	}
	u := &Undo{Path: s.Path, Uses: s.Undo.Uses, None: s.Undo.None}
	switch {
	case u.None != "":
	case s.Undo.With != nil:
		u.Input, u.Needs = w.value(s.Frame, s.Undo.With, nil)
	case f.Plan != nil:
		u.Receipt = f.Plan.receipt
	}
	return u
}

// set gives variables their values, as far as these are known.
func (w *walk) set(s *runbook.Step, f *Step) {
	values := map[string]json.RawMessage{}
	for _, a := range s.Set {
		f.Set = append(f.Set, a.Name)
		raw, needs := w.value(s.Frame, a.Value, &f.Failure)
		f.Needs = merge(f.Needs, needs)
		if raw == nil || f.Happens == Depends {
			w.unset = with(w.unset, engine.VariableKey(s.Frame, a.Name))
			continue
		}
		delete(w.unset, engine.VariableKey(s.Frame, a.Name))
		values[a.Name] = raw
	}
	w.apply(engine.VarsSet{Path: s.Path, Values: values})
}

// suppose makes the run what it would be behind a step.
func (w *walk) suppose(s *runbook.Step, f *Step) {
	switch f.Happens {
	case Skipped:
		w.known = with(w.known, s.Path)
		w.apply(engine.StepSkipped{Path: s.Path, Why: f.Why})
	case Would:
		w.known = with(w.known, s.Path)
		w.apply(engine.StepStarted{Path: s.Path})
		w.apply(engine.StepSucceeded{Path: s.Path})
	case Done, Depends:
	}
}

func (w *walk) apply(e engine.Event) {
	w.run = engine.Apply(w.run, engine.Record{Seq: w.run.Seq + 1, At: w.base.StartedAt, Event: e})
}

func with(set map[string]bool, name string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	set[name] = true
	return set
}
