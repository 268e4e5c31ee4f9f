package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// docPage is one page of the reference. It is made from what the code itself
// goes by, so there is no second place to keep right.
type docPage struct {
	name  string // its file, without .md
	title string
	what  string // what it holds, in one sentence
	write func(*strings.Builder) error
}

// docPages are the pages, in the order in which people look for them.
func docPages() []docPage {
	return []docPage{
		{"runbook", "Runbook keys", "Every key of a runbook: where it may stand, what it takes, and what holds without it.", writeRunbookKeys},
		{"test", "Test keys", "Every key of a test file: where it may stand, what it takes, and what holds without it.", writeTestKeys},
		{"problems", "Problems", "Everything that `firebreak check`, and every command that reads `firebreak.yaml`, refuses.", writeProblems},
		{"actions", "Actions", "Everything that a step can use, with its inputs, outputs, effect and undo.", writeActions},
		{"causes", "Causes", "Every cause of connection exhaustion that `firebreak diagnose` may name: how it shows, and what it is easily taken for.", writeCauses},
		{"configuration", "Configuration keys", "Every key of `firebreak.yaml`, and of the sections of the built-in plugins.", writeConfigKeys},
		{"commands", "Commands", "What `firebreak help` says, and the exit codes.", writeCommands},
		{"api", "API", "Every route of `firebreak serve`, and every right of a token.", writeAPI},
		{"metrics", "Metrics", "Everything that `firebreak serve` counts.", writeMetrics},
		{"events", "Events", "What a run's journal holds: the `kind` and the `data` of every line of type `event` in [--json](../json.md).", writeEvents},
	}
}

// markdown is the page as it stands in a file.
func (p docPage) markdown() (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n<!-- Made by firebreak docs: do not edit. -->\n\n%s\nThe page is made from the code by `firebreak docs`.\n\n", p.title, p.what)
	if err := p.write(&b); err != nil {
		return "", fmt.Errorf("page %s: %w", p.name, err)
	}
	return b.String(), nil
}

// docIndex is the page that leads to the others.
func docIndex() string {
	var b strings.Builder
	b.WriteString("# Reference\n\n<!-- Made by firebreak docs: do not edit. -->\n\nMade from the code by `firebreak docs`. The guides are [one folder up](..).\n\n| page | |\n|---|---|\n")
	for _, p := range docPages() {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s |\n", p.title, p.name, p.what)
	}
	return b.String()
}

func newDocs(a *app) *cobra.Command {
	var dir string
	var names []string
	for _, p := range docPages() {
		names = append(names, p.name)
	}
	c := withExits(&cobra.Command{
		Use:   "docs [PAGE]",
		Short: "Print the reference, or write it into a folder",
		Long: `docs prints a page of the reference as Markdown: everything that this firebreak knows,
as it stands in docs/reference of its source. Without PAGE it lists the pages. With
--dir it writes all of them.

Pages: ` + strings.Join(names, ", "),
		Example: `  firebreak docs actions
  firebreak docs --dir docs/reference`,
		ValidArgs: names,
		Args:      args(0, 1, "at most one page"),
		RunE: func(_ *cobra.Command, got []string) error {
			switch {
			case dir != "" && len(got) > 0:
				return &usageError{err: fmt.Errorf("--dir writes every page, not only %s", got[0]), hint: "leave one of them out"}
			case dir != "":
				return a.writeDocs(dir)
			case len(got) > 0:
				return a.printDoc(got[0])
			}
			return a.listDocs()
		},
	}, exitNotFound)
	c.Flags().StringVar(&dir, "dir", "", "write every page into this `FOLDER`, which must exist")
	return c
}

func (a *app) listDocs() error {
	for _, p := range docPages() {
		if a.flags.json {
			if err := a.printJSON(map[string]any{"type": "page", "name": p.name, "title": p.title}); err != nil {
				return err
			}
			continue
		}
		a.printf("%-14s %s\n", p.name, p.title)
	}
	return nil
}

func (a *app) printDoc(name string) error {
	for _, p := range docPages() {
		if p.name != name {
			continue
		}
		text, err := p.markdown()
		if err != nil {
			return err
		}
		if a.flags.json {
			return a.printJSON(map[string]any{"type": "page", "name": p.name, "title": p.title, "markdown": text})
		}
		a.printf("%s", text)
		return nil
	}
	return fail(exitNotFound, "`firebreak docs` lists them", "there is no page %s", name)
}

func (a *app) writeDocs(dir string) error {
	pages := map[string]string{"README": docIndex()}
	for _, p := range docPages() {
		text, err := p.markdown()
		if err != nil {
			return err
		}
		pages[p.name] = text
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name+".md"), []byte(text), 0o644); err != nil { //nolint:gosec // pages are for everybody
			return err
		}
	}
	return nil
}

// cellOf writes a text so that it fits a cell of a table.
func cellOf(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// anchorOf is where a heading can be linked to.
func anchorOf(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		}
	}
	return b.String()
}
