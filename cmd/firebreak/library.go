package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/runbooks"
)

// findRunbook returns the bytes of a runbook: a file if the name is a path,
// else NAME.yaml in the folders given, else the one that is built in.
func (a *app) findRunbook(name string) (file string, src []byte, err error) {
	if isPath(name) {
		src, err = readFile(name)
		if err != nil {
			return "", nil, fail(exitNotFound, "", "the runbook cannot be read: %w", err)
		}
		return name, src, nil
	}
	dirs, err := a.runbookDirs()
	if err != nil {
		return "", nil, err
	}
	for _, dir := range dirs {
		file = filepath.Join(dir, name+".yaml")
		src, err = readFile(file)
		if err == nil {
			return file, src, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", nil, fail(exitError, "", "the runbook cannot be read: %w", err)
		}
	}
	if file, src, err := runbooks.File(name); err == nil {
		return file, src, nil
	}
	return "", nil, fail(exitNotFound, insteadOf(name, dirs), "there is no runbook %s", name)
}

// insteadOf says what somebody may have meant by a runbook that there is none of.
func insteadOf(name string, dirs []string) string {
	here := "." + string(filepath.Separator) + name + ".yaml"
	if _, err := os.Stat(here); err == nil {
		return "a file is meant by its path: " + here
	}
	names := slices.Sorted(maps.Keys(named(dirs)))
	if near := expr.Nearest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	return "there are: " + strings.Join(names, ", ")
}

// isPath reports whether a runbook is meant by its file.
func isPath(name string) bool {
	return strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// readFile reads a runbook or a configuration, and no more of it than shows
// that it is too big: it may be a device without an end.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, runbook.MaxBytes+1))
}

// library finds the runbooks that one in a file calls: beside it, else as any
// other.
func (a *app) library(file string) runbook.Library {
	return func(name string) (string, []byte, error) {
		beside := filepath.Join(filepath.Dir(file), name+".yaml")
		if _, err := os.Stat(beside); err == nil {
			return a.findRunbook(beside)
		}
		return a.findRunbook(name)
	}
}

// runbookDirs are the folders with runbooks. Those that were named must exist.
func (a *app) runbookDirs() ([]string, error) {
	named, by := a.flags.runbooks, "--runbooks"
	if len(named) == 0 {
		named, by = filepath.SplitList(a.env("FIREBREAK_RUNBOOKS")), "FIREBREAK_RUNBOOKS"
	}
	for _, dir := range named {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, fail(exitUsage, "name a folder with "+by+", or leave it out: what is in ./runbooks and what is built in is there by itself", "there is no folder %s with runbooks", dir)
		}
	}
	if len(named) == 0 {
		named = []string{"runbooks"}
	}
	return named, nil
}

// take finds a runbook, checks it and reports its problems.
func (a *app) take(name string, catalog runbook.Catalog) (*shelved, error) {
	found, problems, err := a.look(name, catalog)
	if len(problems) > 0 {
		err = problemsOf(a, a.err, problems)
	}
	return found, err
}

// takeWith is take, with the inputs that the command line gives the runbook.
func (a *app) takeWith(name string, catalog runbook.Catalog, flags []string) (*shelved, map[string]json.RawMessage, error) {
	found, err := a.take(name, catalog)
	if err != nil {
		return nil, nil, err
	}
	inputs, err := parseInputs(found.book.Name, inputsOf(found.book), flags)
	return found, inputs, err
}

// look finds a runbook and checks it.
func (a *app) look(name string, catalog runbook.Catalog) (*shelved, []runbook.Problem, error) {
	file, src, err := a.findRunbook(name)
	if err != nil {
		return nil, nil, err
	}
	files, find := map[string]string{}, a.library(file)
	book, problems := runbook.Parse(file, src, catalog, func(name string) (string, []byte, error) {
		file, src, err := find(name)
		files[name] = absolute(file)
		return file, src, err
	})
	if len(problems) > 0 {
		return nil, problems, nil
	}
	files[book.Name] = absolute(file)
	return &shelved{book: book, file: file, src: src, files: files}, nil, nil
}

// absolute is where a file is, wherever another process is.
func absolute(file string) string {
	if path, err := filepath.Abs(file); err == nil {
		return path
	}
	return file
}
