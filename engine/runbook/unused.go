package runbook

import "github.com/firebreak-ops/firebreak/engine/expr"

// unused refuses inputs that nothing reads: who gives one expects it to count.
// A trigger that gives it does not read it.
func (p *parser) unused() {
	const all = ""
	read := map[string]bool{}
	note := func(program *expr.Program) {
		for _, path := range program.Names() {
			switch {
			case path[0] != "inputs":
			case len(path) > 1:
				read[path[1]] = true
			default:
				read[all] = true
			}
		}
	}
	for _, v := range []*expr.Value{p.book.Service, p.book.Outputs} {
		for _, program := range v.Programs() {
			note(program)
		}
	}
	for _, s := range p.ownSteps() {
		for _, r := range s.readings() {
			note(r.program)
		}
	}
	for _, in := range p.book.Inputs {
		if !read[in.Name] && !read[all] {
			p.add(in.Pos, "unused-input", "nothing reads the input "+in.Name, "remove it, or read inputs."+in.Name)
		}
	}
}
