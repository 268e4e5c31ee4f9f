package runbook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// findIDs notes the ids of all steps, so that a name that comes too early can
// be told from one that is nowhere.
func (p *parser) findIDs(n *yaml.Node) {
	if n == nil || n.Kind != yaml.SequenceNode {
		return
	}
	for _, step := range n.Content {
		if step.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(step.Content); i += 2 {
			switch k, v := step.Content[i].Value, step.Content[i+1]; k {
			case "id":
				if v.Kind != yaml.ScalarNode {
					continue
				}
				if first, twice := p.ids[v.Value]; twice {
					p.addf(posOf(v), "duplicate-id", "ids are those of the whole runbook", "the id %s is here twice, the first time in line %d", clip(v.Value), first.Line)
				} else {
					p.ids[v.Value] = posOf(v)
				}
			case "steps", "parallel":
				p.findIDs(v) // of a foreach, too
			}
		}
	}
}

// sequence reads steps that run one after the other: each sees those before.
func (p *parser) sequence(n *yaml.Node, key, prefix string, parent *Step) []*Step {
	var steps []*Step
	for i, item := range p.list(n, key) {
		if s := p.step(item, prefix, i+1, parent); s != nil {
			steps = append(steps, s)
			p.show(s)
		}
	}
	return steps
}

// parallel reads steps that run side by side: none sees another.
func (p *parser) parallel(n *yaml.Node, prefix string, parent *Step) []*Step {
	var steps []*Step
	var later []shown
	for i, item := range p.list(n, "parallel") {
		mark := len(p.scope.shown)
		s := p.step(item, prefix, i+1, parent)
		if s != nil {
			steps = append(steps, s)
			p.show(s)
		}
		later = append(later, p.scope.hide(mark)...)
	}
	p.scope.showAll(later)
	return steps
}

// show makes a step that has run known to those that follow.
func (p *parser) show(s *Step) {
	if s.ID != "" {
		p.scope.show(p.scope.steps, s.ID, stepType(s))
	}
	for _, a := range s.Set {
		typ := a.Value.Type()
		if before := p.scope.vars.Fields[a.Name]; before != nil && p.hasIf[s] {
			typ = before.Or(typ)
		}
		if was := p.ever[a.Name]; was != nil {
			p.ever[a.Name] = was.Or(typ)
		} else {
			p.ever[a.Name] = typ
		}
		p.scope.show(p.scope.vars, a.Name, typ.OrNull())
	}
}

// showBroken makes a step that cannot be read known, so that those that name
// it are not called wrong, too.
func (p *parser) showBroken(n *yaml.Node) {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "id" {
			p.scope.show(p.scope.steps, n.Content[i+1].Value, expr.Any())
		}
	}
}

// step reads one step; nil after a problem that leaves nothing to check.
func (p *parser) step(n *yaml.Node, prefix string, number int, parent *Step) *Step {
	p.steps++
	if p.steps == MaxSteps+1 {
		p.addf(posOf(n), "too-large", "split the runbook", "there are more than %d steps", MaxSteps)
	}
	if p.steps > MaxSteps || p.full {
		return nil
	}
	kind, s := p.kindOf(n)
	if s == nil {
		p.showBroken(n)
		return nil
	}
	f, _ := p.fields(n, s)
	step := &Step{Kind: kind, Pos: f.pos, Parent: parent, ID: f.text("id")}
	step.Path = prefix + strconv.Itoa(number)
	if step.ID != "" {
		step.Path = prefix + step.ID
	}
	if parent == nil && (step.ID == "on_failure" || step.ID == "finally") {
		p.add(f.at("id"), "name", "no step can have the id "+step.ID, "it is the name of a part of the runbook")
	}
	p.note(step)
	if p.hasIf[step] = f.has("if"); p.hasIf[step] {
		step.If = p.condition(f.node("if"), "if", p.scope.names(nil))
	}
	step.Optional = f.flag("optional")
	p.written[step] = f
	step.Timeout = f.duration("timeout", 0)
	p.positive(f, "timeout")
	mark := len(p.scope.shown)
	p.body(step, f)
	if p.hasIf[step] || step.GateMaySkip() {
		p.scope.loosen(mark)
	}
	return step
}

// note makes a step known by its path and id, in the frame that is read.
func (p *parser) note(step *Step) {
	step.Frame = p.frame
	p.own = append(p.own, step)
	p.book.byPath[step.Path] = step
	if step.ID != "" {
		p.frame.byID[step.ID] = step
		p.byID[step.ID] = step
	}
}

func (p *parser) body(step *Step, f fields) {
	switch step.Kind {
	case KindForeach:
		p.foreach(step, f)
	case KindCall:
		p.call(step, f)
	case KindAction:
		p.action(step, f)
	case KindGroup, KindParallel:
		p.group(step, f)
	case KindNotify:
		step.To = f.text("notify")
		if f.has("text") {
			step.Text = p.template(f.node("text"), "text", p.scope.names(nil))
		}
	case KindWait:
		p.wait(step, f)
	case KindSet:
		p.set(step, f)
	case KindFail:
		step.Text = p.template(f.node("fail"), "fail", p.scope.names(nil))
	case KindAsk:
		p.ask(step, f)
	}
}

// kindOf finds what a step is by the one key that says so.
func (p *parser) kindOf(n *yaml.Node) (Kind, *shape) {
	if n.Kind != yaml.MappingNode {
		p.add(posOf(n), "wrong-type", "a step must be a mapping, not "+kindWord(n), "begin it with - uses: ...")
		return "", nil
	}
	var kinds []string
	found := -1
	for i := range stepShapes {
		kinds = append(kinds, stepShapes[i].by)
		if !has(n, stepShapes[i].by) {
			continue
		}
		if found >= 0 {
			if _, part := stepShapes[found].shape.key(stepShapes[i].by); part { // the steps of a foreach
				continue
			}
			p.add(posOf(n), "conflict", fmt.Sprintf("a step cannot have %s and %s", stepShapes[found].by, stepShapes[i].by), "make two steps of it")
			return "", nil
		}
		found = i
	}
	if found >= 0 {
		return stepShapes[found].kind, &stepShapes[found].shape
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if slices.Contains(allStepKeys(), k.Value) {
			continue
		}
		hint := "a step has one of " + strings.Join(kinds, ", ")
		if near := suggestOnly(k.Value, kinds); near != "" {
			hint = near
		}
		p.add(posOf(k), "unknown-key", "a step has no key "+clip(k.Value), hint)
		return "", nil
	}
	p.add(posOf(n), "missing-key", "the step does nothing", "give it one of "+strings.Join(kinds, ", "))
	return "", nil
}

func (p *parser) set(step *Step, f fields) {
	n := f.node("set")
	if n.Kind != yaml.MappingNode {
		p.add(posOf(n), "wrong-type", "set must be a mapping, not "+kindWord(n), "write set: {NAME: value}")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if !idForm.MatchString(k.Value) {
			p.add(posOf(k), "name", quote(clip(k.Value))+" is no name of a variable", "a lower-case letter, then lower-case letters, digits and _")
			continue
		}
		if v := p.value(n.Content[i+1], k.Value, p.scope.names(nil), nil); v != nil {
			step.Set = append(step.Set, Assignment{Name: k.Value, Value: v})
		} else {
			p.scope.show(p.scope.vars, k.Value, expr.Any())
		}
	}
	if len(n.Content) == 0 {
		p.add(posOf(n), "empty", "set is empty", "")
	}
}
