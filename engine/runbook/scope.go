package runbook

import (
	"slices"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// scope is what expressions may name at one place of a runbook. One map holds
// the steps that have run there; steps are shown once they have, and hidden
// from those that run beside them.
type scope struct {
	inputs  *expr.Type
	steps   *expr.Type
	vars    *expr.Type
	item    *expr.Type // of the foreach around; nil: there is none
	handler bool       // run.failure is known
	shown   []shown
}

// shown is a step or variable that became known.
type shown struct {
	in   *expr.Type
	name string
	typ  *expr.Type
	old  *expr.Type
}

func newScope(inputs []Input) *scope {
	fields := map[string]*expr.Type{}
	for _, in := range inputs {
		fields[in.Name] = in.Type
		if !in.Required && in.Default == nil {
			fields[in.Name] = in.Type.OrNull()
		}
	}
	empty := func() *expr.Type { return expr.Record(map[string]*expr.Type{}) }
	return &scope{inputs: expr.Record(fields), steps: empty(), vars: empty()}
}

func (s *scope) show(in *expr.Type, name string, typ *expr.Type) {
	s.shown = append(s.shown, shown{in, name, typ, in.Fields[name]})
	in.Fields[name], in.Required[name] = typ, true
}

// hide takes back what was shown since a mark, and returns it.
func (s *scope) hide(mark int) []shown {
	hidden := slices.Clone(s.shown[mark:])
	for _, h := range slices.Backward(hidden) {
		if h.old != nil {
			h.in.Fields[h.name] = h.old
		} else {
			delete(h.in.Fields, h.name)
			delete(h.in.Required, h.name)
		}
	}
	s.shown = s.shown[:mark]
	return hidden
}

func (s *scope) showAll(entries []shown) {
	for _, e := range entries {
		s.show(e.in, e.name, e.typ)
	}
}

// statuses are what steps.ID.status may be.
var statuses = []string{"pending", "running", "waiting", "succeeded", "failed", "skipped", "undone", "in_doubt", "cancelled"}

var (
	text      = expr.Of(expr.String)
	effects   = expr.OneOf("none", "applied", "partial", "unknown", "undone")
	labels    = expr.MapOf(text)
	alertType = expr.Record(map[string]*expr.Type{
		"labels": labels, "annotations": labels, "status": text,
	})
	runType     = expr.Record(runFields)
	handlerType = expr.Record(map[string]*expr.Type{
		"id": runFields["id"], "requester": runFields["requester"], "started_at": runFields["started_at"],
		"failure": expr.Record(map[string]*expr.Type{
			"step": text, "class": text, "reason": text, "effect": effects,
		}).OrNull(),
	})
	runFields = map[string]*expr.Type{
		"id": text, "requester": text, "started_at": text.OrNull(),
	}
)

// stepType is what may be read of a step. Outputs are null where it was
// skipped or failed: reading through them shows that only in the run.
func stepType(s *Step) *expr.Type {
	fields := map[string]*expr.Type{"status": expr.OneOf(statuses...), "effect": effects}
	if outputs := s.OutputType(); outputs != nil {
		fields["outputs"] = outputs.OrNull()
	} else if s.Kind == KindAction || s.Kind == KindCall && s.Call == nil {
		fields["outputs"] = expr.Any().OrNull()
	}
	return expr.Record(fields)
}

// names returns the names that an expression may use, with result of a type
// where an action was just called.
func (s *scope) names(result *expr.Type) expr.Scope {
	names := expr.Scope{"inputs": s.inputs, "alert": alertType.OrNull(), "run": runType, "vars": s.vars, "steps": s.steps}
	if s.handler {
		names["run"] = handlerType
	}
	if s.item != nil {
		names["item"] = s.item
	}
	if result != nil {
		names["result"] = result
	}
	return names
}
