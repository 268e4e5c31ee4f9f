package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// verbs are the commands that people call, and their subcommands.
func verbs() []*cobra.Command {
	var all []*cobra.Command
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if !sub.Hidden && sub.Name() != "help" && sub.Name() != "exit-codes" {
				all = append(all, sub)
				visit(sub)
			}
		}
	}
	visit(newRoot(&app{env: os.Getenv}))
	return all
}

func TestEveryVerbIsDocumented(t *testing.T) {
	if len(verbs()) < 19 {
		t.Fatalf("only %d verbs", len(verbs()))
	}
	for _, c := range verbs() {
		t.Run(c.CommandPath(), func(t *testing.T) {
			if c.Short == "" || strings.HasSuffix(c.Short, ".") {
				t.Errorf("short help %q", c.Short)
			}
			text, codes, ok := strings.Cut(c.Long, "\n\nExit codes:\n")
			if !ok || len(text) < len(c.Short) {
				t.Errorf("no long help, or no exit codes: %q", c.Long)
			}
			for _, code := range []exitCode{exitOK, exitUsage, exitError} {
				if !strings.Contains(codes, fmt.Sprintf("%4d  %s ", code, code)) {
					t.Errorf("exit code %s is not told", code)
				}
			}
			if !strings.Contains(c.Example, c.CommandPath()) {
				t.Errorf("example %q", c.Example)
			}
			for line := range strings.Lines(c.Long + c.Example) {
				if len([]rune(strings.TrimRight(line, "\n"))) > 130 {
					t.Errorf("a line is too long for a terminal: %s", line)
				}
			}
			for _, named := range regexp.MustCompile(`\s(--[a-z-]+)`).FindAllStringSubmatch(c.Long+c.Example, -1) {
				name := strings.TrimPrefix(named[1], "--")
				if c.Flag(name) == nil && c.InheritedFlags().Lookup(name) == nil {
					t.Errorf("the help names the flag %s, which there is not", named[1])
				}
			}
		})
	}
}

// TestExamplesCanBePasted holds that each line of an example is a command with
// as many arguments as it takes, in the eyes of a shell: what is said about it
// stands behind a #.
func TestExamplesCanBePasted(t *testing.T) {
	for _, c := range append(verbs(), newRoot(&app{env: os.Getenv})) {
		for line := range strings.Lines(c.Example) {
			line, ours := strings.CutPrefix(strings.TrimSpace(line), "firebreak ")
			if !ours {
				continue // of completion: what a shell does with its output
			}
			out, err := exec.CommandContext(t.Context(), "sh", "-c", "words() { for w; do echo \"$w\"; done; }\nwords "+beforeFile.ReplaceAllString(line, "")).Output()
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			verb, rest, err := newRoot(&app{env: os.Getenv}).Find(strings.Split(strings.TrimSpace(string(out)), "\n"))
			if err == nil {
				err = verb.ParseFlags(rest)
			}
			if err == nil {
				err = verb.ValidateArgs(verb.Flags().Args())
			}
			if err != nil {
				t.Errorf("firebreak %s: %v", line, err)
			}
		}
	}
}

// beforeFile is where the output of an example goes.
var beforeFile = regexp.MustCompile(`\s*>+\s*\S+$`)

// TestEveryExitCodeIsPlayed holds the table to the stories: each code is one
// that a story, or a drill, has seen.
func TestEveryExitCodeIsPlayed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	played := []string{"12"} // TestDrillControl
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^(?:exits|finish \S+) (\d+)`).FindAllStringSubmatch(string(text), -1) {
			played = append(played, m[1])
		}
	}
	for _, row := range exitCodes {
		if !slices.Contains(played, fmt.Sprint(int(row.code))) {
			t.Errorf("no story returns %d (%s)", row.code, row.name)
		}
	}
}

// TestExitCodes holds the table to itself: codes and names are unique, in
// order, and the classes that travel over the socket lead back to their code.
func TestExitCodes(t *testing.T) {
	for i, row := range exitCodes {
		if int(row.code) != i || row.name == "" || row.meaning == "" {
			t.Errorf("row %d is %+v", i, row)
		}
	}
	for code, class := range codeClasses {
		if classCode(class) != code {
			t.Errorf("%s has the class %s, which is %s", code, class, classCode(class))
		}
	}
}
