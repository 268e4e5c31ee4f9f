package runbook

import (
	"gopkg.in/yaml.v3"
)

func (p *parser) verify(step *Step, n *yaml.Node) *Verify {
	f, ok := p.fields(n, &verifyShape)
	if !ok {
		return nil
	}
	if f.has("none") {
		p.waiver(f)
		return &Verify{None: f.text("none"), Owner: f.text("owner"), LastDay: f.text("last_day"), Pos: f.pos}
	}
	for _, name := range []string{"owner", "last_day"} {
		if f.has(name) {
			p.add(f.at(name), "conflict", name+" belongs to a verify with none", "")
		}
	}
	for _, name := range []string{"uses", "until"} {
		if !f.has(name) {
			p.add(f.pos, "missing-key", "verify needs "+name, "or none with the reason, an owner and a last_day")
		}
	}
	v := p.samples(f)
	v.OnFail = f.word("on_fail", defaultOnFail(step))
	return v
}

// samples reads what is sampled until it shows that something worked.
func (p *parser) samples(f fields) *Verify {
	v := &Verify{Uses: f.text("uses"), Action: p.reading(f, "verify"), Pos: f.pos}
	v.With = p.with(f, v.Action, p.scope.names(nil))
	if f.has("until") {
		v.Until = p.condition(f.node("until"), "until", p.scope.names(resultOf(v.Action)))
		p.ofResult(v.Until, v.Action, f.at("until"), "success")
	}
	v.For, v.Within, v.Every = f.duration("for", 0), f.duration("within", defaultWithin), p.every(f)
	if v.Within < v.For || v.Within <= 0 {
		p.add(f.at("within"), "duration", "verify within "+v.Within.String()+" can never hold for "+v.For.String(), "make within longer than for")
	} else if v.Every > v.Within {
		p.add(f.at("every"), "duration", "verify looks every "+v.Every.String()+" and ends within "+v.Within.String()+": one look shows nothing", "make every shorter than within, by far")
	}
	return v
}

// waiver checks a verify that does nothing: it says who answers for that, and
// until when.
func (p *parser) waiver(f fields) {
	for _, name := range []string{"owner", "last_day"} {
		if !f.has(name) {
			p.add(f.pos, "missing-key", "a verify with none needs "+name, `write owner: TEAM and last_day: "2026-12-31"`)
		}
	}
	for _, name := range []string{"uses", "with", "until", "for", "within", "every", "on_fail"} {
		if f.has(name) {
			p.add(f.at(name), "conflict", "a verify with none has no "+name, "keep one of them")
		}
	}
}

// defaultOnFail asks where undoing would bring back what a rollback mended.
func defaultOnFail(step *Step) string {
	rollsBack := false
	Walk([]*Step{step}, func(s *Step) {
		rollsBack = rollsBack || s.RollsBack()
	})
	if rollsBack {
		return "ask"
	}
	return "undo"
}
