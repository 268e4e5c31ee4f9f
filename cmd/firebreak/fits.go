package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/builtin/exec"
)

// fits refuses a runbook that asks roles or names commands which are not
// configured.
func (w *workspace) fits(book *runbook.Runbook) error {
	if err := w.unknownRoles(book); err != nil {
		return err
	}
	return w.unknownCommands(book)
}

// unknownRoles refuses a runbook that asks roles which are not configured:
// nobody could answer.
func (w *workspace) unknownRoles(book *runbook.Runbook) error {
	for _, s := range book.All() {
		asking := s.Asking()
		if asking == nil {
			continue
		}
		for _, of := range asking.Of {
			if _, ok := w.config.Roles[of.Role]; !ok {
				return fail(exitProblems, fmt.Sprintf("add it to roles: in firebreak.yaml; configured are: %s",
					orNone(slices.Sorted(maps.Keys(w.config.Roles)))),
					"%s:%d:%d: role %s is not configured, so nobody could answer", book.File, asking.Pos.Line, asking.Pos.Col, of.Role)
			}
		}
	}
	return nil
}

// unknownCommands refuses a runbook that names a command which may not be run,
// or which changes something where only reads may be: else that shows when the
// run has come to it.
func (w *workspace) unknownCommands(book *runbook.Runbook) error {
	effects, err := exec.Commands(w.config.Tools["exec"].Config)
	if err != nil {
		return fail(exitProblems, "correct tools.exec in firebreak.yaml", "%w", err)
	}
	for _, u := range uses(book) {
		name, ok := literalText(u.with.Field("command"))
		if !ok || u.action.Name != "exec.read" && u.action.Name != "exec.run" {
			continue
		}
		effect, known := effects[name]
		switch {
		case !known:
			return fail(exitProblems, cmp.Or(expr.Suggest(name, slices.Sorted(maps.Keys(effects))), "add it to tools.exec.commands in firebreak.yaml"),
				"%s:%d:%d: the command %s is not configured", book.File, u.pos.Line, u.pos.Col, name)
		case u.action.Name == "exec.read" && effect != plugins.Read:
			return fail(exitProblems, "use exec.run, or add effect: read to tools.exec.commands."+name+" if it changes nothing",
				"%s:%d:%d: the command %s may change something, and exec.read only reads", book.File, u.pos.Line, u.pos.Col, name)
		}
	}
	return nil
}

// use is a place where a runbook calls an action.
type use struct {
	step   *runbook.Step
	own    bool // it is the step's own, not that of its guard, verify or undo
	action *runbook.Action
	with   *expr.Value
	pos    runbook.Pos
}

func uses(book *runbook.Runbook) []use {
	var all []use
	add := func(u use) {
		if u.action != nil {
			all = append(all, u)
		}
	}
	for _, s := range book.All() {
		add(use{step: s, own: true, action: s.Action, with: s.With, pos: s.Pos})
		if g := s.Guard; g != nil {
			add(use{step: s, action: g.Action, with: g.With, pos: g.Pos})
		}
		if v := s.Verify; v != nil {
			add(use{step: s, action: v.Action, with: v.With, pos: v.Pos})
		}
		if u := s.Undo; u != nil {
			add(use{step: s, action: u.Action, with: u.With, pos: u.Pos})
		}
	}
	return all
}

// literalText is a text that is written out; false: it is not, or is no text.
func literalText(v *expr.Value) (string, bool) {
	if v == nil || len(v.Programs()) > 0 {
		return "", false
	}
	is, err := v.Eval(nil)
	text, ok := is.(string)
	return text, ok && err == nil
}
