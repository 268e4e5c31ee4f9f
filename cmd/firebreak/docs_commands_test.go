package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commandsPage is docs/commands.md, from the commands themselves.
func commandsPage(*testing.T) string {
	var b strings.Builder
	root := newRoot(&app{})
	b.WriteString("# Commands\n\nWhat `firebreak help` says, on one page. It is made from the commands; a test holds it to them.\n\n")
	b.WriteString("Every command takes these flags:\n\n")
	writeFlags(&b, root.PersistentFlags())
	b.WriteString("\n| command | |\n|---|---|\n")
	walk(root, func(c *cobra.Command) {
		anchor := strings.ReplaceAll(c.CommandPath(), " ", "-")
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", strings.TrimPrefix(c.CommandPath(), "firebreak "), anchor, c.Short)
	})
	walk(root, func(c *cobra.Command) { writeCommand(&b, c) })
	b.WriteString("\n## Exit codes\n\nOf all commands. A code never changes its meaning; new ones may be added.\n\n| code | name | meaning |\n|---|---|---|\n")
	for _, row := range exitCodes {
		fmt.Fprintf(&b, "| %d | `%s` | %s |\n", row.code, row.name, row.meaning)
	}
	return b.String()
}

// walk visits every command that people run, in the order of the help.
func walk(c *cobra.Command, visit func(*cobra.Command)) {
	for _, child := range c.Commands() {
		if child.Hidden || !child.Runnable() || child.Name() == "help" {
			continue
		}
		visit(child)
		walk(child, visit)
	}
}

func writeCommand(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```\n%s\n```\n", c.CommandPath(), c.Short, c.UseLine())
	long, exits, _ := strings.Cut(c.Long, "\n\nExit codes:\n")
	if long != "" {
		b.WriteString("\n")
	}
	for part := range strings.SplitSeq(long, "\n\n") {
		if strings.HasPrefix(part, "  ") {
			part = "```\n" + part + "\n```"
		}
		if part != "" {
			b.WriteString(part + "\n\n")
		}
	}
	if flags := c.LocalFlags(); flags.HasAvailableFlags() {
		writeFlags(b, flags)
		b.WriteString("\n")
	}
	if c.Example != "" {
		fmt.Fprintf(b, "```\n%s\n```\n", c.Example)
	}
	if codes := codesOf(exits); len(codes) > 0 {
		fmt.Fprintf(b, "\n[Exit codes](#exit-codes): %s.\n", strings.Join(codes, ", "))
	}
}

func codesOf(exits string) []string {
	var codes []string
	for line := range strings.Lines(exits) {
		if f := strings.Fields(line); len(f) > 1 {
			codes = append(codes, f[0]+" `"+f[1]+"`")
		}
	}
	return codes
}

func writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		value, usage := pflag.UnquoteUsage(f)
		if value != "" {
			name += " " + value
		}
		fmt.Fprintf(b, "- `%s`: %s\n", name, usage)
	})
}

// TestDocsCommandLines parses every command line that a page shows.
func TestDocsCommandLines(t *testing.T) {
	seen := 0
	for file, text := range pages(t) {
		for _, f := range fences(file, text, "sh") {
			for line := range strings.Lines(f.text) {
				line, _, _ = strings.Cut(line, " #")
				words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "bin/"))
				if len(words) < 2 || words[0] != "firebreak" {
					continue
				}
				seen++
				root := newRoot(&app{})
				c, rest, err := root.Find(words[1:])
				if err == nil {
					err = c.ParseFlags(rest)
				}
				if err == nil && c == root {
					err = fmt.Errorf("there is no command %s", words[1])
				}
				if err != nil {
					t.Errorf("%s shows %q: %v", file, line, err)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d command lines", seen)
	}
}

var makeLine = regexp.MustCompile("(?:^|`)make ([a-z]+)")

// TestDocsMake finds every target of make that a page names.
func TestDocsMake(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for file, text := range pages(t) {
		for line := range strings.Lines(text) {
			for _, m := range makeLine.FindAllStringSubmatch(line, -1) {
				seen[m[1]] = true
				if !strings.Contains(string(makefile), "\n"+m[1]+":") {
					t.Errorf("%s names make %s, which does not exist", file, m[1])
				}
			}
		}
	}
	if !seen["drill"] || !seen["test"] {
		t.Errorf("the README does not name make drill and make test: %v", seen)
	}
}
