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
	handler *expr.Type // what run is in a handler, where run.failure is known; nil: outside of them
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
			fields[in.Name] = in.Type.Absent("inputs." + in.Name)
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

// loosen makes of what was set since a mark what may not have been set.
func (s *scope) loosen(mark int) {
	for _, v := range s.shown[mark:] {
		if v.in == s.vars && v.old != nil {
			s.vars.Fields[v.name] = s.vars.Fields[v.name].Or(v.old)
		}
	}
}

func (s *scope) showAll(entries []shown) {
	for _, e := range entries {
		s.show(e.in, e.name, e.typ)
	}
}

// failureClasses are what run.failure.class may be: what actions return, and
// what the engine itself says.
var failureClasses = slices.Concat(retryClasses, []string{"drift", "cancelled", "expression", "failed", "guard", "verify", "expired"})

// statuses are what steps.ID.status may be.
var statuses = []string{"pending", "running", "waiting", "succeeded", "failed", "skipped", "undone", "in_doubt", "cancelled"}

var (
	text      = expr.Of(expr.String)
	effects   = expr.OneOf("none", "applied", "partial", "unknown", "undone")
	labels    = expr.MapOf(text)
	alertType = expr.Record(map[string]*expr.Type{
		"labels": labels, "annotations": labels, "status": expr.OneOf("firing", "resolved"),
	})
	runType   = expr.Record(runFields)
	runFields = map[string]*expr.Type{
		"id": text, "requester": text, "started_at": text.OrNull(),
	}
)

// handlerType is what a handler may read of the run.
func handlerType(step *expr.Type) *expr.Type {
	return expr.Record(map[string]*expr.Type{
		"id": runFields["id"], "requester": runFields["requester"], "started_at": runFields["started_at"],
		"failure": expr.Record(map[string]*expr.Type{
			"step": step, "class": expr.OneOf(failureClasses...), "reason": text, "effect": effects,
		}).OrNull(),
	})
}

// stepType is what may be read of a step. Outputs are null where it was
// skipped or failed: reading through them shows that only in the run.
func stepType(s *Step) *expr.Type {
	fields := map[string]*expr.Type{"status": expr.OneOf(statuses...), "effect": effects}
	if !s.Group() && s.Kind != KindCall && (s.Kind != KindAction || s.Action != nil && s.Action.Effect == EffectRead) {
		fields["effect"] = expr.OneOf("none")
	}
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
	if s.handler != nil {
		names["run"] = s.handler
	}
	if s.item != nil {
		names["item"] = s.item
	}
	if result != nil {
		names["result"] = result
	}
	return names
}
