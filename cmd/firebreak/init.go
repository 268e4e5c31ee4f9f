package main

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// first is what init writes. $USER stands for who runs it.
//
//go:embed first
var first embed.FS

func newInit(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a first configuration, a runbook, and a test of it that passes",
		Long: `init writes a firebreak.yaml, a runbook and its test into a folder, which is made
where there is none: this one if none is named. The test passes at once, and needs
nothing that the configuration names. A file that is there already is never
overwritten: nothing is written then.`,
		Example: `  firebreak init oncall
  cd oncall && firebreak test`,
		Args: args(0, 1, "at most a folder"),
		RunE: func(_ *cobra.Command, got []string) error {
			dir := "."
			if len(got) > 0 {
				dir = got[0]
			}
			return a.init(dir)
		},
	}, exitRefused)
}

func (a *app) init(dir string) error {
	me, err := user.Current()
	if err != nil {
		return fail(exitError, "", "it cannot be told who you are: %w", err)
	}
	name, err := json.Marshal(me.Username)
	if err != nil {
		return err
	}
	files, err := firstFiles()
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, err := os.Lstat(filepath.Join(dir, file)); !errors.Is(err, fs.ErrNotExist) {
			return inTheWay(filepath.Join(dir, file), err)
		}
	}
	for _, file := range files {
		text, err := first.ReadFile("first/" + file)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(file))
		if err := writeNew(path, strings.ReplaceAll(string(text), "$USER", string(name))); err != nil {
			return inTheWay(path, err)
		}
		if a.flags.json {
			if err := a.printJSON(map[string]any{"type": "written", "file": path}); err != nil {
				return err
			}
			continue
		}
		a.printf("wrote %s\n", path)
	}
	if a.flags.json {
		return nil
	}
	in := ""
	if dir != "." {
		in = "cd " + quoted(dir) + "\n  "
	}
	a.printf(`
Next:
  %sfirebreak test --coverage                  # plays the cases of the test, in memory
  firebreak check runbooks/resize-pool.yaml  # what can be known without running it
  $EDITOR firebreak.yaml                     # where your service is, and who answers
  firebreak plugins                          # whether everything is reached
  firebreak plan resize-pool --input service=api --input size=80
`, in)
	return nil
}

// firstFiles are the files that init writes, in their order.
func firstFiles() ([]string, error) {
	var files []string
	err := fs.WalkDir(first, "first", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimPrefix(name, "first/"))
		}
		return err
	})
	return files, err
}

// writeNew writes a file that must not exist, and the folders that it is in.
func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // as any folder of sources
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as any source
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// inTheWay is the error of a file that cannot be written; err is nil where it is
// there already.
func inTheWay(path string, err error) error {
	if err == nil || errors.Is(err, fs.ErrExist) {
		return fail(exitRefused, "name another folder, or move it away; nothing of it was changed", "%s is there already", path)
	}
	return fail(exitError, "", "%s cannot be written: %w", path, err)
}

// bare is a word that a shell takes as it is.
var bare = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if bare.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
