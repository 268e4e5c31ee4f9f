package runbook

import (
	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// MaxItems bounds the items of a foreach.
const MaxItems = 1000

// foreach reads a step that is done for each item of a list. Its steps are
// read once, as the template of an item.
func (p *parser) foreach(step *Step, f fields) {
	each := &Each{Concurrency: f.count("concurrency", 1), MaxFailures: f.count("max_failures", 0), Item: expr.Any()}
	if f.has("foreach") {
		each.List = p.itemList(f.node("foreach"))
	}
	if each.List != nil && each.List.Type().Elem != nil {
		each.Item = each.List.Type().Elem
	}
	p.gate(step, f)
	step.Each = each
	frame := &Frame{Path: step.Path + "/" + templateName, File: p.file, Outer: p.frame, Each: each, byID: map[string]*Step{}}
	template := &Step{Path: frame.Path, Kind: KindGroup, Pos: f.at("steps"), Parent: step, Frame: frame}
	p.book.byPath[template.Path] = template
	step.Steps = []*Step{template}

	outer, item, mark := p.frame, p.scope.item, len(p.scope.shown)
	p.frame, p.scope.item = frame, each.Item
	if f.has("steps") {
		template.Steps = p.sequence(f.node("steps"), "steps", template.Path+"/", template)
	}
	p.frame, p.scope.item = outer, item
	p.scope.hide(mark) // the names of an item are its own
	each.Outputs = outputsOf(frame, func(s *Step) bool { return each.MaxFailures == 0 && !p.mayMissIn(template, s) })
	p.groupVerify(step, f)
}

// itemList reads the list of a foreach; nil after a problem.
func (p *parser) itemList(n *yaml.Node) *expr.Value {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		p.add(posOf(n), "empty", "foreach has an empty list", "")
		return nil
	}
	return p.value(n, "foreach", p.scope.names(nil), expr.Of(expr.List))
}

// mayMissIn reports whether a step of a group may be passed over, or fail,
// while the group goes on.
func (p *parser) mayMissIn(group, s *Step) bool {
	for at := s; at != group; at = at.Parent {
		asking := at.Asking()
		if p.hasIf[at] || at.Optional || asking != nil && (asking.OnExpiry == "skip" || p.scope.handler != nil) {
			return true
		}
	}
	return false
}
