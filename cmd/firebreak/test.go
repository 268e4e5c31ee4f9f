package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// testFlags are the flags of the command test.
type testFlags struct {
	run      string
	verbose  bool
	coverage bool
	min      float64
}

func newTest(a *app) *cobra.Command {
	var f testFlags
	c := withExits(&cobra.Command{
		Use:   "test [PATH...]",
		Short: "Play the cases of test files against their runbooks, in memory",
		Long: `test plays the cases of NAME_test.yaml against the runbook NAME.yaml beside it:
what actions and people answer is written there, the clock is virtual, and
nothing outside this process is touched. A path is such a file, a folder, or a
folder with /... for those below it, too. Without one it is the folder of the
runbooks, or this one.

Each failure is printed with file:line:col of what was expected, what happened
instead, and the short timeline of the run.`,
		Example: `  firebreak test
  firebreak test ./... --coverage --min 90
  firebreak test mine_test.yaml --run 'rolled back'`,
		Args: args(0, -1, "files and folders"),
		RunE: func(c *cobra.Command, paths []string) error { return a.test(c.Context(), paths, f) },
	}, exitProblems, exitNotFound, exitTests)
	c.Flags().StringVar(&f.run, "run", "", "play only cases whose name matches this regular expression")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "name the cases that pass, too")
	c.Flags().BoolVar(&f.coverage, "coverage", false, "show the steps, branches, gates, guards, verifies and undos that no case reached")
	c.Flags().Float64Var(&f.min, "min", 0, "as --coverage, and fail where fewer percent of a runbook are reached")
	return c
}

// tested is a test file, and what became of it.
type tested struct {
	file     *cases.File
	results  []cases.Result
	selected []*cases.Case
	triggers []*cases.Trigger
	answers  [][]cases.Failure // of the triggers
}

func (a *app) test(ctx context.Context, paths []string, f testFlags) error {
	only, err := regexp.Compile(f.run)
	if err != nil {
		return &usageError{err: fmt.Errorf("--run: %w", err)}
	}
	if f.min < 0 || f.min > 100 {
		return &usageError{err: fmt.Errorf("--min %g is no share", f.min), hint: "give percent: 0 to 100"}
	}
	catalog, _, err := a.checkCatalog(ctx)
	if err != nil {
		return err
	}
	names, err := a.testFiles(paths)
	if err != nil {
		return err
	}
	shelf := newShelf(a, catalog)
	var all []*tested
	var bad error
	for _, name := range names {
		t, err := a.readTest(shelf, name, only)
		if _, printed := errors.AsType[ended](err); printed {
			bad = err
			continue
		}
		if err != nil {
			return err
		}
		all = append(all, t)
	}
	if bad != nil {
		return bad
	}
	if !slices.ContainsFunc(all, func(t *tested) bool { return len(t.selected)+len(t.triggers) > 0 }) {
		return fail(exitNotFound, "--verbose names them", "there is no case whose name matches %q", f.run)
	}
	if err := playAll(shelf, all); err != nil {
		return err
	}
	return a.reportTests(shelf, all, f)
}

// testFiles returns the test files that paths name, sorted within each.
func (a *app) testFiles(paths []string) ([]string, error) {
	if len(paths) == 0 {
		dirs, err := a.runbookDirs()
		if err != nil {
			return nil, err
		}
		for _, dir := range dirs {
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				paths = append(paths, dir)
			}
		}
		if len(paths) == 0 {
			paths = []string{"."}
		}
	}
	var files []string
	for _, path := range paths {
		dir, below := strings.CutSuffix(filepath.ToSlash(path), "/...")
		if below && dir == "" {
			dir = "/"
		}
		info, err := os.Stat(dir)
		if err != nil {
			return nil, fail(exitNotFound, "", "the tests cannot be read: %w", err)
		}
		if !info.IsDir() {
			files = append(files, dir)
			continue
		}
		err = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && file != dir && (!below || strings.HasPrefix(entry.Name(), ".")):
				return fs.SkipDir
			case !entry.IsDir() && strings.HasSuffix(file, cases.Suffix):
				files = append(files, file)
			}
			return nil
		})
		if err != nil {
			return nil, fail(exitNotFound, "", "the tests cannot be read: %w", err)
		}
	}
	if len(files) == 0 {
		return nil, fail(exitNotFound, "a test is called NAME"+cases.Suffix+", beside the runbook NAME.yaml", "there are no tests in %s", strings.Join(paths, ", "))
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// shelf holds the runbooks that tests are about, each parsed once.
type shelf struct {
	app     *app
	catalog runbook.Catalog
	books   map[string]*runbook.Runbook // by file
	order   []string
	cover   map[*runbook.Runbook]*cases.Coverage
}

func newShelf(a *app, catalog runbook.Catalog) *shelf {
	return &shelf{app: a, catalog: catalog, books: map[string]*runbook.Runbook{}}
}

// find returns the runbook with a name, for a test file: the one beside it, or
// else one that is found as any is.
func (s *shelf) find(beside, name string) (*runbook.Runbook, error) {
	file := filepath.Join(filepath.Dir(beside), name+".yaml")
	src, err := readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		file, src, err = s.app.findRunbook(name)
	}
	if err != nil {
		return nil, err
	}
	return s.parse(file, src)
}

func (s *shelf) parse(file string, src []byte) (*runbook.Runbook, error) {
	if book := s.books[file]; book != nil {
		return book, nil
	}
	book, problems := runbook.Parse(file, src, s.catalog, s.app.library(file))
	if len(problems) > 0 {
		return nil, fmt.Errorf("it has problems, the first one: %s", problems[0])
	}
	s.books[file] = book
	s.order = append(s.order, file)
	return book, nil
}

// folder returns the runbooks beside a test file. One that has problems
// answers no alert.
func (s *shelf) folder(beside string) []*runbook.Runbook {
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(beside), "*.yaml"))
	var books []*runbook.Runbook
	for _, file := range files {
		if strings.HasSuffix(file, cases.Suffix) {
			continue
		}
		if src, err := readFile(file); err == nil {
			if book, err := s.parse(file, src); err == nil {
				books = append(books, book)
			}
		}
	}
	return books
}

// readTest reads a test file, and selects what matches only; nil: everything.
func (a *app) readTest(s *shelf, name string, only *regexp.Regexp) (*tested, error) {
	src, err := readFile(name)
	if err != nil {
		return nil, fail(exitNotFound, "", "the tests cannot be read: %w", err)
	}
	file, problems := cases.Parse(name, src, func(book string) (*runbook.Runbook, error) { return s.find(name, book) })
	if len(problems) > 0 {
		return nil, problemsOf(a, a.out, problems)
	}
	t := &tested{file: file}
	for _, c := range file.Cases {
		if only == nil || only.MatchString(c.Name) {
			t.selected = append(t.selected, c)
		}
	}
	for _, trigger := range file.Triggers {
		if only == nil || only.MatchString(trigger.Name) {
			t.triggers = append(t.triggers, trigger)
		}
	}
	t.results = make([]cases.Result, len(t.selected))
	return t, nil
}

// playAll plays the cases, as many side by side as there are processors.
func playAll(s *shelf, all []*tested) error {
	// Cases leave much behind and keep next to nothing: collecting less often
	// halves the time they take.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	s.cover = map[*runbook.Runbook]*cases.Coverage{}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, t := range all {
		if s.cover[t.file.Book] == nil {
			s.cover[t.file.Book] = cases.NewCoverage(t.file.Book)
		}
		cover := s.cover[t.file.Book]
		for i, c := range t.selected {
			group.Go(func() error {
				r := c.Play()
				cover.Add(r)
				if len(r.Failures) == 0 {
					r = cases.Result{Case: c} // its story is not told: thousands of cases fit into little memory
				}
				t.results[i] = r
				return nil
			})
		}
		if len(t.triggers) > 0 {
			folder := s.folder(t.file.Name)
			for _, trigger := range t.triggers {
				t.answers = append(t.answers, trigger.Play(folder))
			}
		}
	}
	return group.Wait()
}

func (a *app) reportTests(s *shelf, all []*tested, f testFlags) error {
	played, failed := 0, 0
	for _, t := range all {
		bad := 0
		for _, r := range t.results {
			bad += min(1, len(r.Failures))
			if err := a.reportCase(t.file.Name, r.Case.Name, r.Case.Pos, r.Failures, r.Timeline, f.verbose); err != nil {
				return err
			}
		}
		for i, trigger := range t.triggers {
			bad += min(1, len(t.answers[i]))
			if err := a.reportCase(t.file.Name, trigger.Name, trigger.Pos, t.answers[i], nil, f.verbose); err != nil {
				return err
			}
		}
		n := len(t.results) + len(t.triggers)
		played, failed = played+n, failed+bad
		switch {
		case a.flags.json:
		case bad > 0:
			a.printf("FAIL  %s: %d of %s failed\n", t.file.Name, bad, casesWord(n))
		default:
			a.printf("ok    %s: %s\n", t.file.Name, casesWord(n))
		}
	}
	if a.flags.json {
		if err := a.printJSON(map[string]any{"type": "tested", "files": len(all), "cases": played, "failed": failed}); err != nil {
			return err
		}
	}
	thin := false
	if f.coverage || f.min > 0 {
		var err error
		if thin, err = a.reportCoverage(s, f.min); err != nil {
			return err
		}
	}
	if failed > 0 || thin {
		return ended{exitTests}
	}
	return nil
}

func casesWord(n int) string {
	if n == 1 {
		return "1 case"
	}
	return fmt.Sprintf("%d cases", n)
}

// reportCase tells of one case: of one that failed where, what was expected,
// what happened, and the story of the run.
func (a *app) reportCase(file, name string, at runbook.Pos, failures []cases.Failure, timeline func() []string, verbose bool) error {
	if a.flags.json {
		list := make([]map[string]any, 0, len(failures))
		for _, f := range failures {
			list = append(list, map[string]any{"line": f.Pos.Line, "col": f.Pos.Col, "what": f.What, "hint": f.Hint})
		}
		line := map[string]any{"type": "case", "file": file, "line": at.Line, "col": at.Col, "name": name, "passed": len(failures) == 0, "failures": list}
		if timeline != nil && len(failures) > 0 {
			line["timeline"] = timeline()
		}
		return a.printJSON(line)
	}
	if len(failures) > 0 || verbose {
		var story []string
		if timeline != nil && len(failures) > 0 {
			story = timeline()
		}
		a.printf("%s", cases.Report(file, name, at, failures, story))
	}
	return nil
}

// reportCoverage shows what no case has reached. thin: of some runbook that is
// more than it may.
func (a *app) reportCoverage(s *shelf, least float64) (thin bool, err error) {
	for _, file := range s.order {
		c := s.cover[s.books[file]]
		if c == nil {
			continue
		}
		reached, all := c.Count()
		percent := 100 * float64(reached) / float64(max(all, 1))
		thin = thin || percent < least
		missed := c.Missed()
		if a.flags.json {
			list := make([]map[string]any, 0, len(missed))
			for _, p := range missed {
				list = append(list, map[string]any{"line": p.Pos.Line, "col": p.Pos.Col, "step": p.Step, "what": p.What})
			}
			err := a.printJSON(map[string]any{
				"type": "coverage", "file": file, "runbook": c.Book.Name, "reached": reached, "all": all, "percent": percent, "missed": list,
			})
			if err != nil {
				return thin, err
			}
			continue
		}
		a.printf("%s: %.1f %% covered, %d of %d\n", file, percent, reached, all)
		for _, p := range missed {
			a.printf("  %s:%d:%d: %s: %s\n", file, p.Pos.Line, p.Pos.Col, p.Step, p.What)
		}
		if percent < least {
			a.printf("  that is less than %g %%\n", least)
		}
	}
	return thin, nil
}
