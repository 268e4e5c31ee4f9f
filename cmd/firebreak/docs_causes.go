package main

import (
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins/builtin/diagnose"
)

// writeCauses writes the causes that a diagnosis may name.
func writeCauses(b *strings.Builder) error {
	b.WriteString("How they are told apart, and what confidence means: [diagnosis](../diagnosis.md).\n")
	for _, c := range diagnose.Causes() {
		fmt.Fprintf(b, "\n## %s\n\n%s Layer `%s`.\n\nIt shows by this: %s\n\n| easily taken for | told apart by |\n|---|---|\n", c.ID, c.Text, c.Layer, c.Signs)
		for _, u := range c.Unlike {
			fmt.Fprintf(b, "| [%s](#%s) | %s |\n", u.Cause, anchorOf(string(u.Cause)), cellOf(u.Told))
		}
	}
	return nil
}
