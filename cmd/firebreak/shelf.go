package main

import (
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/runbooks"
	"github.com/firebreak-ops/firebreak/server"
)

// bookshelf holds runbooks by their names, as they were when they were read.
type bookshelf map[string]*shelved

// shelved is a runbook, and where it is from.
type shelved struct {
	book    *runbook.Runbook
	file    string
	src     []byte
	files   map[string]string // of it and of those that it calls, by name
	origins []policy.Origin   // nil: not looked for
}

// trace finds out where a runbook is from.
func (s *shelved) trace() (err error) {
	s.origins, err = originsOf(s.book.Name, s.book.Pinned, s.files)
	return err
}

// shelve reads the runbooks that have a name: those in the folders given, and
// the built-in ones whose names are not taken. Either all of them pass, or all
// problems of all of them are returned.
func (a *app) shelve(ws *workspace) (bookshelf, []runbook.Problem, error) {
	dirs, err := a.runbookDirs()
	if err != nil {
		return nil, nil, err
	}
	files := named(dirs)
	all := bookshelf{}
	var bad []runbook.Problem
	for _, name := range slices.Sorted(maps.Keys(files)) {
		found, problems, err := a.look(files[name], ws.catalog)
		if err != nil {
			return nil, nil, err
		}
		bad = append(bad, problems...)
		switch {
		case found == nil:
		case found.book.Name != name:
			bad = append(bad, misnamed(found))
		default:
			all[name] = found
		}
	}
	return all, bad, nil
}

// named are the runbooks that have a name, in folders and built in, and how each
// is found: by its file, or by its name where it is built in.
func named(dirs []string) map[string]string {
	files := map[string]string{}
	for _, name := range runbooks.Names() {
		files[name] = name
	}
	for _, dir := range slices.Backward(dirs) {
		found, _ := filepath.Glob(filepath.Join(dir, "*.yaml")) // the pattern is well-formed
		for _, file := range found {
			if !strings.HasSuffix(file, cases.Suffix) {
				files[strings.TrimSuffix(filepath.Base(file), ".yaml")] = file
			}
		}
	}
	return files
}

// misnamed is the problem of a runbook in a folder that nobody could call by its
// name.
func misnamed(s *shelved) runbook.Problem {
	return runbook.Problem{
		ID: "name", File: s.file, Pos: runbook.Pos{Line: 1, Col: 1}, What: "the runbook " + s.book.Name + " is in a file of another name, by which it would be called",
		Hint: "rename the file to " + s.book.Name + ".yaml",
	}
}

// shelved is what shelve returns, with the problems reported: those that pass
// are returned beside the error.
func (a *app) shelved(ws *workspace) (bookshelf, error) {
	all, problems, err := a.shelve(ws)
	if len(problems) > 0 {
		err = problemsOf(a, a.err, problems)
	}
	return all, err
}

func (s *shelved) view() server.RunbookView {
	v := server.RunbookView{
		Name: s.book.Name, Title: s.book.Title, Owner: s.book.Owner, File: s.file, Digest: s.book.Digest,
		Changes: len(s.book.Mutations()) > 0, Inputs: inputsOf(s.book), Origins: s.origins,
	}
	for _, t := range s.book.Triggers {
		v.Triggers = append(v.Triggers, t.Alert.Source())
	}
	return v
}

// inputsOf says what a runbook is given.
func inputsOf(book *runbook.Runbook) []server.RunbookInput {
	all := make([]server.RunbookInput, 0, len(book.Inputs))
	for _, in := range book.Inputs {
		one := server.RunbookInput{Name: in.Name, Type: in.Type.String(), Text: in.Type.Kinds&expr.String != 0, Doc: in.Doc, Required: in.Required}
		if raw, err := json.Marshal(in.Default); err == nil && in.Default != nil {
			one.Default = raw
		}
		all = append(all, one)
	}
	return all
}

// shelf is what the owner knows by name: a daemon as it has read it, another
// owner as it is now.
func (o *owner) shelf() (bookshelf, error) {
	if kept := o.kept.Load(); kept != nil {
		return kept.books, nil
	}
	return o.app.shelved(o.ws)
}

func (o *owner) runbooks(context.Context) ([]server.RunbookView, error) {
	all, err := o.shelf()
	return all.views(), err
}

// views shows them, by name.
func (s bookshelf) views() []server.RunbookView {
	all := make([]server.RunbookView, 0, len(s))
	for _, name := range slices.Sorted(maps.Keys(s)) {
		all = append(all, s[name].view())
	}
	return all
}

func (o *owner) runbook(_ context.Context, name string) (server.RunbookView, error) {
	all, err := o.shelf()
	if err != nil {
		return server.RunbookView{}, err
	}
	found := all[name]
	if found == nil {
		return server.RunbookView{}, noRunbook(name, all)
	}
	v := found.view()
	v.Source = string(found.src)
	return v, nil
}

func noRunbook(name string, all bookshelf) error {
	return fail(exitNotFound, "there are: "+strings.Join(slices.Sorted(maps.Keys(all)), ", "), "there is no runbook %s", name)
}
