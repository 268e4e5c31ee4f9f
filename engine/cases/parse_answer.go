package cases

import (
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

func (p *parser) answers(n *yaml.Node, c *Case) {
	if c.actions == nil {
		c.actions = map[string][]answer{}
	}
	p.each(n, "actions", func(key noted, v *yaml.Node) {
		name := key.text
		action := p.index.call(name)
		if action == nil {
			p.unknownCall(key) // one that is never made has no answer
			return
		}
		var list []answer
		for _, item := range some(v) {
			list = append(list, p.answer(item, action))
		}
		if len(list) == 0 {
			p.file.Add(runbook.PosOf(v), "empty", name+" has no answer", "write {} for the emptiest answer")
		}
		c.actions[name] = list
	})
}

func (p *parser) unknownCall(name noted) {
	if p.recorded {
		return
	}
	p.file.Add(name.pos, "unknown-call", p.book.Name+" has no step and calls no action "+name.text, suggest(name.text, p.index.callNames()))
}

func (p *parser) answer(n *yaml.Node, action *runbook.Action) answer {
	f, ok := p.file.Fields(n, answerShape)
	if !ok {
		return answer{}
	}
	a := answer{
		fail: f.Text("fail"), reason: f.Text("reason"), effect: engine.Effect(f.Text("effect")),
		takes: duration(f, "takes"), lost: flag(f, "lost"), found: f.Text("found"), left: f.Text("left"),
	}
	reads := action.Effect == runbook.EffectRead
	for _, key := range []string{"effect", "found", "plan", "receipt", "left"} {
		if reads && f.Has(key) && !p.recorded {
			p.file.Add(f.At(key), "conflict", action.Name+" only reads: it has no "+key, "remove it")
		}
	}
	if f.Has("outputs") {
		if a.fail != "" || a.lost {
			p.file.Add(f.At("outputs"), "conflict", "an answer that fails or is lost has no outputs", "keep one of them")
		}
		want := action.Output
		if !p.recorded { // what was recorded may have more than the contract says
			want = want.Strict()
		}
		a.outputs = p.typed(f.Node("outputs"), want, action.Name+" would not return this")
	} else if action.Output != nil {
		a.outputs = newValue(action.Output, empty(action.Output))
	}
	if n := f.Node("receipt"); n != nil {
		a.receipt = p.typed(n, expr.Any(), "receipt")
	}
	if n := f.Node("plan"); n != nil {
		for _, item := range some(n) {
			a.plans = append(a.plans, p.plan(item))
		}
	}
	return a
}

func (p *parser) plan(n *yaml.Node) plan {
	f, ok := p.file.Fields(n, planShape)
	if !ok {
		return plan{}
	}
	out := plan{
		detail: f.Text("detail"), fingerprint: f.Text("fingerprint"), drift: flag(f, "drift"), unit: f.Text("unit"),
		affected: p.size(f, "affected"), total: p.size(f, "total"), resource: f.Text("resource"), fail: f.Text("fail"), reason: f.Text("reason"),
	}
	if n := f.Node("binding"); n != nil {
		out.binding = p.typed(n, expr.Any(), "binding")
	}
	return out
}

func (p *parser) size(f runbook.Fields, key string) int {
	n := f.Node(key)
	if n == nil {
		return 0
	}
	v, ok := p.raw(n)
	if i, isInt := v.(int); isInt && i >= 0 {
		return i
	}
	if ok {
		p.file.Add(runbook.PosOf(n), "wrong-type", key+" must be an integer from 0", "write for example 3")
	}
	return 0
}

func duration(f runbook.Fields, key string) time.Duration {
	d, _ := f.Value(key).(time.Duration)
	return d
}

func flag(f runbook.Fields, key string) bool {
	b, _ := f.Value(key).(bool)
	return b
}

func (p *parser) people(n *yaml.Node, c *Case) {
	if c.people == nil {
		c.people = map[string][]say{}
	}
	p.each(n, "people", func(key noted, v *yaml.Node) {
		name, path := key.text, key.text
		if name != locksName {
			path = p.step(key)
		}
		var script []say
		for _, item := range some(v) {
			script = append(script, p.say(item, p.index.step(name)))
		}
		if len(script) == 0 {
			p.file.Add(runbook.PosOf(v), "empty", name+" has nobody who says anything", "write {nobody: true} for silence")
		}
		c.people[path] = script
	})
}

// locksName stands for the questions about the run's locks.
const locksName = "locks"

// verb returns the only one of some keys that is written.
func (p *parser) verb(f runbook.Fields, at runbook.Pos, verbs ...string) string {
	verb := ""
	for _, key := range verbs {
		switch {
		case !f.Has(key):
		case verb != "":
			p.file.Add(f.At(key), "conflict", verb+" and "+key+" are two things", "write them one after the other, each as an entry of a list")
		default:
			verb = key
		}
	}
	if verb == "" {
		p.file.Add(at, "missing-key", "it says nothing", "add one of "+strings.Join(verbs, ", "))
	}
	return verb
}

func (p *parser) say(n *yaml.Node, step *runbook.Step) say {
	f, ok := p.file.Fields(n, sayShape)
	if !ok {
		return say{}
	}
	s := say{
		pos: runbook.PosOf(n), by: f.Text("by"), choice: f.Text("answer"), after: duration(f, "after"), keep: flag(f, "keep"),
		reason: f.Text("reason"), breakGlass: f.Text("break_glass"), refused: f.Text("refused"),
	}
	s.verb = p.verb(f, s.pos, "approve", "deny", "answer", "value", "nobody")
	switch s.verb {
	case "approve", "deny":
		s.by = f.Text(s.verb)
	case "value":
		typ := expr.Any()
		if step != nil && step.Ask != nil && s.refused == "" {
			typ = step.Ask.Type
		}
		if v := p.typed(f.Node("value"), typ, "value"); v != nil {
			s.value = v.raw
		}
	}
	if s.by == "" && (s.verb == "answer" || s.verb == "value") {
		p.file.Add(s.pos, "missing-key", s.verb+" needs by", "say who answers")
	}
	return s
}

var eventVerbs = []string{"cancel", "halt", "hold", "freeze", "lift", "skip", "withdraw", "take_over", "hand_back", "undo_run", "extend", "hand", "break_lock", "crash", "alert_resolved"}

func (p *parser) event(n *yaml.Node) event {
	f, ok := p.file.Fields(n, eventShape)
	if !ok {
		return event{}
	}
	e := event{
		pos: runbook.PosOf(n), at: duration(f, "at"), on: f.Text("on"), undo: flag(f, "undo"), to: f.Text("to"),
		down: duration(f, "crash"), more: duration(f, "more"), reason: f.Text("reason"), refused: f.Text("refused"),
	}
	e.verb = p.verb(f, e.pos, eventVerbs...)
	e.by = f.Text(e.verb)
	switch {
	case e.on == "" && f.Has("after"):
		p.file.Add(f.At("after"), "conflict", "after says how long after on", "write at: for a time since the start")
	case e.on != "" && f.Has("at"):
		p.file.Add(f.At("at"), "conflict", "on and at are two times", "keep one of them")
	case e.on != "":
		e.at = duration(f, "after")
		if p.index.call(e.on) == nil {
			e.on = p.step(noted{f.At("on"), e.on})
		}
	}
	if s := f.Text("step"); s != "" {
		e.step = p.step(noted{f.At("step"), s})
	} else if slices.Contains([]string{"skip", "withdraw", "extend", "hand"}, e.verb) {
		p.file.Add(e.pos, "missing-key", e.verb+" needs step", "say which step it is about")
	}
	switch {
	case e.verb == "hand" && e.to == "":
		p.file.Add(e.pos, "missing-key", "hand needs to", "say who is to answer")
	case e.verb == "hand_back" && e.to != "" && !slices.Contains(handWords, e.to):
		p.file.Add(f.At("to"), "word", "a run cannot be handed back to "+e.to, suggest(e.to, handWords))
	}
	return e
}

func (p *parser) stop(n *yaml.Node) engine.Stop {
	f, ok := p.file.Fields(n, stopShape)
	if !ok {
		return engine.Stop{}
	}
	verb := p.verb(f, runbook.PosOf(n), "halt", "hold", "freeze")
	return engine.Stop{Kind: engine.StopKind(verb), By: f.Text(verb), Reason: f.Text("reason")}
}

func (p *parser) expect(n *yaml.Node) expect {
	f, ok := p.file.Fields(n, expectShape)
	if !ok {
		return expect{}
	}
	e := expect{end: noted{f.At("end"), f.Text("end")}}
	if s := f.Text("why"); s != "" {
		e.why = &noted{f.At("why"), s}
	}
	for key, into := range map[string]**list{
		"path": &e.path, "ran": &e.ran, "skipped": &e.skipped, "changes": &e.changes, "undone": &e.undone, "left": &e.left,
	} {
		if n := f.Node(key); n != nil {
			*into = p.steps(p.texts(n, key))
		}
	}
	p.onlyChanges(e.changes)
	p.onlyChanges(e.undone)
	p.onlyChanges(e.left)
	if n := f.Node("status"); n != nil {
		p.each(n, "status", func(name noted, v *yaml.Node) {
			word, _ := p.file.TextOf(v, name.text)
			if !slices.Contains(statusWords, word) {
				p.file.Add(runbook.PosOf(v), "word", "a status cannot be "+word, suggest(word, statusWords))
			}
			e.status = append(e.status, pair{noted{runbook.PosOf(v), word}, p.step(name)})
		})
	}
	if n := f.Node("calls"); n != nil {
		p.each(n, "calls", func(name noted, v *yaml.Node) { e.calls = append(e.calls, p.calls(name, v)) })
	}
	if n := f.Node("asked"); n != nil {
		e.asked = &[]asked{}
		items, _ := p.file.List(n, "asked")
		for _, item := range items {
			*e.asked = append(*e.asked, p.asked(item))
		}
	}
	if n := f.Node("notices"); n != nil {
		items, _ := p.file.List(n, "notices")
		for _, item := range items {
			e.notices = append(e.notices, p.notice(item))
		}
	}
	if n := f.Node("vars"); n != nil {
		p.each(n, "vars", func(name noted, v *yaml.Node) {
			p.variable(name)
			want, _ := p.raw(v)
			e.vars = append(e.vars, field{runbook.PosOf(v), name.text, want})
		})
	}
	if n := f.Node("outputs"); n != nil {
		want, _ := p.raw(n)
		if p.book.Outputs != nil {
			p.fields(n, p.book.Outputs.Type(), p.book.Name+" returns")
		} else if !p.recorded {
			p.file.Add(f.At("outputs"), "conflict", p.book.Name+" returns nothing", "remove outputs, or give the runbook some")
		}
		e.outputs = &field{runbook.PosOf(n), "outputs", want}
	}
	if f.Has("within") {
		e.within = &limit{f.At("within"), duration(f, "within")}
	}
	return e
}

func (p *parser) calls(key noted, n *yaml.Node) calls {
	name := key.text
	c := calls{pos: runbook.PosOf(n), name: name}
	action := p.index.call(name)
	if action == nil {
		p.unknownCall(key)
	}
	if n.Kind == yaml.ScalarNode {
		v, ok := p.raw(n)
		if i, isInt := v.(int); isInt && i >= 0 {
			c.count = i
		} else if ok {
			p.file.Add(c.pos, "wrong-type", "calls: how many, an input, or a list of inputs", "write for example 2, or {setting: db.pool.max}")
		}
		return c
	}
	c.inputs = []field{}
	for _, item := range some(n) {
		want, _ := p.raw(item)
		if action != nil && !p.maybeUndo(name) {
			p.fields(item, action.Input, action.Name+" takes")
		}
		c.inputs = append(c.inputs, field{runbook.PosOf(item), name, want})
	}
	c.count = len(c.inputs)
	return c
}

func (p *parser) asked(n *yaml.Node) asked {
	if n.Kind == yaml.ScalarNode {
		s, _ := p.file.TextOf(n, "asked")
		a := asked{pos: runbook.PosOf(n)}
		a.step = p.step(noted{a.pos, s})
		return a
	}
	f, ok := p.file.Fields(n, askedShape)
	if !ok {
		return asked{}
	}
	a := asked{pos: runbook.PosOf(n), kind: engine.QuestionKind(f.Text("question")), text: f.Text("text")}
	if s := f.Text("step"); s != "" {
		a.step = p.step(noted{f.At("step"), s})
	}
	if n := f.Node("roles"); n != nil {
		a.roles = p.texts(n, "roles")
	}
	if n := f.Node("shows"); n != nil {
		a.shows = p.steps(p.texts(n, "shows"))
	}
	return a
}

func (p *parser) notice(n *yaml.Node) notice {
	if n.Kind == yaml.ScalarNode {
		s, _ := p.file.TextOf(n, "notices")
		return notice{pos: runbook.PosOf(n), text: s}
	}
	f, ok := p.file.Fields(n, noticeShape)
	if !ok {
		return notice{}
	}
	out := notice{pos: runbook.PosOf(n), to: f.Text("to"), text: f.Text("text")}
	if f.Has("page") {
		page := flag(f, "page")
		out.page = &page
	}
	return out
}
