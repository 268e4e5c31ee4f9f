package runbook

import (
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// Defaults of what may be left out.
const (
	defaultValidFor   = 10 * time.Minute
	defaultEvery      = time.Second
	defaultWithin     = time.Minute
	defaultBackoff    = 200 * time.Millisecond
	defaultMaxBackoff = 5 * time.Second
	minEvery          = 100 * time.Millisecond
)

var defaultRetryOn = []string{"timeout", "unavailable"}

// lookUp finds the action that a key names.
func (p *parser) lookUp(f fields) *Action {
	name := f.text("uses")
	if name == "" {
		return nil
	}
	if a := p.catalog[name]; a != nil {
		if a.Capability != "" && !p.hasService {
			p.add(f.at("uses"), "no-service", "the runbook has no service for "+name+" to act on", "write service: ${{ inputs.service }} at the top")
		}
		return a
	}
	p.add(f.at("uses"), "unknown-action", "there is no action "+clip(name), p.hintAction(name))
	return nil
}

func (p *parser) hintAction(name string) string {
	names := slices.Sorted(maps.Keys(p.catalog))
	if near := suggestOnly(name, names); near != "" {
		return near
	}
	prefix, _, _ := strings.Cut(name, ".")
	var same []string
	for _, n := range names {
		if strings.HasPrefix(n, prefix+".") {
			same = append(same, n)
		}
	}
	if len(same) > 0 {
		return "there is " + strings.Join(same, ", ")
	}
	return suggest(name, names)
}

// suggestOnly is a hint only if a name is near.
func suggestOnly(word string, names []string) string {
	if near := expr.Nearest(word, names); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// with compiles the input of an action.
func (p *parser) with(f fields, a *Action, names expr.Scope) *expr.Value {
	var want *expr.Type
	key := "with"
	if a != nil {
		want, key = a.Input, a.Name
	}
	n := f.node("with")
	if n == nil {
		at := f.at("uses")
		p.value(&yaml.Node{Kind: yaml.MappingNode, Line: at.Line, Column: at.Col}, key, names, want) // what is required is missing
		return nil
	}
	if n.Kind != yaml.MappingNode {
		p.add(posOf(n), "wrong-type", "with must be a mapping, not "+kindWord(n), "write NAME: value below it")
		return nil
	}
	return p.value(n, key, names, want)
}

func (p *parser) action(step *Step, f fields) {
	step.Uses = f.text("uses")
	step.Action = p.lookUp(f)
	step.With = p.with(f, step.Action, p.scope.names(nil))
	if f.has("resource") {
		step.Resource = p.template(f.node("resource"), "resource", p.scope.names(nil))
	}
	if f.has("retry") {
		step.Retry = p.retry(f.node("retry"))
	}
	p.gate(step, f)
	mark := len(p.scope.shown)
	p.show(step) // its verify and undo may read what it returned
	if f.has("verify") {
		step.Verify = p.verify(step, f.node("verify"))
	}
	if f.has("undo") {
		step.Undo = p.undo(f.node("undo"))
	}
	p.scope.hide(mark)
}

// gate reads what stands before a step or group begins.
func (p *parser) gate(step *Step, f fields) {
	if f.has("approve") {
		step.Approve = p.approve(f.node("approve"))
	}
	if f.has("guard") {
		step.Guard = p.guard(f.node("guard"))
	}
}

func (p *parser) group(step *Step, f fields) {
	p.gate(step, f)
	prefix := step.Path + "/"
	if step.Kind == KindParallel {
		step.Steps = p.parallel(f.node("parallel"), prefix, step)
	} else {
		step.Steps = p.sequence(f.node("steps"), "steps", prefix, step)
	}
	p.groupVerify(step, f)
}

func (p *parser) groupVerify(step *Step, f fields) {
	if f.has("verify") {
		step.Verify = p.verify(step, f.node("verify"))
	}
}

func (p *parser) retry(n *yaml.Node) *Retry {
	f, ok := p.fields(n, &retryShape)
	if !ok {
		return nil
	}
	r := &Retry{
		Attempts:   f.count("attempts", 1),
		Backoff:    f.duration("backoff", defaultBackoff),
		MaxBackoff: f.duration("max_backoff", max(defaultMaxBackoff, f.duration("backoff", 0))),
		On:         f.words("on", defaultRetryOn),
	}
	if f.has("max_backoff") && r.MaxBackoff < r.Backoff {
		p.addf(f.at("max_backoff"), "duration", "make it longer, or backoff shorter", "the longest pause %s is shorter than the first, %s", r.MaxBackoff, r.Backoff)
	}
	return r
}

func (p *parser) approve(n *yaml.Node) *Approve {
	f, ok := p.fields(n, &approveShape)
	if !ok {
		return nil
	}
	a := &Approve{
		Asking:   p.asking(f),
		Quorum:   f.count("quorum", 1),
		ValidFor: f.duration("valid_for", defaultValidFor),
		Self:     f.flag("self"),
	}
	p.positive(f, "valid_for")
	return a
}

// asking reads who is asked, and what silence means.
func (p *parser) asking(f fields) Asking {
	a := Asking{OnExpiry: f.word("on_expiry", "abort"), Pos: f.pos}
	if !f.has("of") {
		return a
	}
	for _, item := range p.list(f.node("of"), "of") {
		if asked, ok := p.fields(item, &askedShape); ok {
			role := asked.text("role")
			if slices.ContainsFunc(a.Of, func(before Asked) bool { return role != "" && before.Role == role }) {
				p.add(asked.at("role"), "duplicate-role", role+" is asked twice", "keep one of them, with the time of both: whoever is asked may answer until the end")
			}
			a.Of = append(a.Of, Asked{Role: role, For: asked.duration("for", 0)})
			p.positive(asked, "for")
		}
	}
	return a
}

// ask reads a step that asks people for a value.
func (p *parser) ask(step *Step, f fields) {
	step.Text = p.template(f.node("ask"), "ask", p.scope.names(nil))
	step.Ask = &Ask{Asking: p.asking(f), Type: expr.Any()}
	if !f.has("value") {
		return
	}
	if v, ok := p.fields(f.node("value"), &valueShape); ok {
		step.Ask.Word = v.text("type")
		step.Ask.Type = inputType(step.Ask.Word)
	}
}

// positive refuses a duration of nothing.
func (p *parser) positive(f fields, name string) {
	if d, ok := f.values[name].(time.Duration); ok && d <= 0 {
		p.add(f.at(name), "duration", name+" must be longer than nothing", "")
	}
}

// reading looks up an action that must only read.
func (p *parser) reading(f fields, what string) *Action {
	a := p.lookUp(f)
	if a != nil && a.Effect != EffectRead {
		p.add(f.at("uses"), "not-a-read", what+" may only read, and "+a.Name+" changes something", "")
	}
	return a
}

func resultOf(a *Action) *expr.Type {
	if a == nil || a.Output == nil {
		return expr.Any()
	}
	return a.Output
}

func (p *parser) guard(n *yaml.Node) *Guard {
	f, ok := p.fields(n, &guardShape)
	if !ok {
		return nil
	}
	g := &Guard{Uses: f.text("uses"), Action: p.reading(f, "a guard"), Pos: f.pos}
	g.With = p.with(f, g.Action, p.scope.names(nil))
	if f.has("that") {
		g.That = p.condition(f.node("that"), "that", p.scope.names(resultOf(g.Action)))
		p.ofResult(g.That, g.Action, f.at("that"), "the step behind this guard")
	}
	return g
}

func (p *parser) wait(step *Step, f fields) {
	n := f.node("wait")
	if n.Kind != yaml.MappingNode {
		step.For, _ = p.duration(n, "wait")
		if step.For == 0 && parsesAsZero(n.Value) {
			p.add(posOf(n), "duration", "wait must be longer than nothing", "")
		}
		return
	}
	w, _ := p.fields(n, &waitShape)
	step.Uses, step.Action = w.text("uses"), p.reading(w, "a wait")
	step.With = p.with(w, step.Action, p.scope.names(nil))
	if w.has("until") {
		step.Until = p.condition(w.node("until"), "until", p.scope.names(resultOf(step.Action)))
		p.ofResult(step.Until, step.Action, w.at("until"), "what comes after this wait")
	}
	step.Every, step.Within = p.every(w), w.duration("within", 0)
	if w.has("within") && w.has("every") && step.Every > step.Within {
		p.addf(w.at("every"), "duration", "make every shorter, or within longer", "it looks every %s and ends within %s", step.Every, step.Within)
	}
	p.positive(w, "within")
}

func parsesAsZero(text string) bool {
	d, ok := parseDuration(text)
	return ok && d == 0
}

func (p *parser) every(f fields) time.Duration {
	every := f.duration("every", defaultEvery)
	if every < minEvery {
		p.add(f.at("every"), "duration", "every must be at least "+minEvery.String(), "")
	}
	return every
}

// undoTries reads how often an undo is tried, and what shows that it worked.
func (p *parser) undoTries(u *Undo, f fields) {
	if f.has("retry") {
		u.Retry = p.retry(f.node("retry"))
		if u.Retry != nil && u.Retry.Attempts > 1 && u.Action != nil && !u.Action.Idempotent && !u.Action.Probe {
			p.add(f.at("retry"), "retry", u.Uses+" may not be retried: it could be done twice, and nothing can tell whether it was done", "remove retry")
		}
	}
	if !f.has("verify") {
		return
	}
	if v, ok := p.fields(f.node("verify"), &undoVerifyShape); ok {
		u.Verify = p.samples(v)
	}
}

func (p *parser) undo(n *yaml.Node) *Undo {
	f, ok := p.fields(n, &undoShape)
	if !ok {
		return nil
	}
	u := &Undo{None: f.text("none"), Uses: f.text("uses"), Pos: f.pos}
	switch {
	case f.has("none") && f.has("uses"):
		p.add(f.at("none"), "conflict", "undo has uses and none", "keep one of them")
	case f.has("none"):
		for _, name := range []string{"with", "retry", "verify"} {
			if f.has(name) {
				p.add(f.at(name), "conflict", "an undo that does nothing has no "+name, "remove it")
			}
		}
	case f.has("uses"):
		u.Action = p.lookUp(f)
		if f.has("with") {
			u.With = p.with(f, u.Action, p.scope.names(nil))
		}
		p.undoTries(u, f)
	case !f.has("none"):
		p.add(f.pos, "missing-key", "undo needs uses, or none with the reason", "")
	}
	return u
}
