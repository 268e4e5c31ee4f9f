package main

import (
	"strings"

	"github.com/firebreak-ops/firebreak/engine/cases"
)

// writeTestKeys writes the tables that the parser of tests reads by.
func writeTestKeys(b *strings.Builder) error {
	b.WriteString("How they are used, with examples: [the guide](../testing.md). The forms are those of [runbooks](runbook.md), and nothing is a template. An editor knows all of this by `firebreak schema test`.\n\n")
	writeShapes(b, cases.Shapes())
	return nil
}
