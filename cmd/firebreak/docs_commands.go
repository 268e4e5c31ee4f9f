package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// writeCommands writes what the commands say of themselves.
func writeCommands(b *strings.Builder) error {
	root := newRoot(&app{})
	b.WriteString("Every command takes these flags:\n\n")
	writeFlags(b, root.PersistentFlags())
	b.WriteString("\n| command | |\n|---|---|\n")
	walk(root, func(c *cobra.Command) {
		anchor := strings.ReplaceAll(c.CommandPath(), " ", "-")
		fmt.Fprintf(b, "| [`%s`](#%s) | %s |\n", strings.TrimPrefix(c.CommandPath(), "firebreak "), anchor, c.Short)
	})
	walk(root, func(c *cobra.Command) { writeCommand(b, c) })
	b.WriteString("\n## Exit codes\n\nOf all commands. A code never changes its meaning; new ones may be added.\n\n| code | name | meaning |\n|---|---|---|\n")
	for _, row := range exitCodes {
		fmt.Fprintf(b, "| %d | `%s` | %s |\n", row.code, row.name, row.meaning)
	}
	return nil
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
