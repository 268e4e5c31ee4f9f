package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// writeRunbookKeys writes the tables that the parser reads by.
func writeRunbookKeys(b *strings.Builder) error {
	b.WriteString(`How they are used, with examples: [the guide](../runbooks.md). An editor knows all of this by ` + "`firebreak schema runbook`" + `.

What a value is:

| form | |
|---|---|
| text | as it stands; it takes no ` + "`${{ }}`" + ` |
| text with templates | ` + "`${{ … }}`" + ` in it holds an [expression](../runbooks.md#expressions) |
| condition | an expression that is true or false, bare or as one ` + "`${{ }}`" + ` |
| any value, names and values, ids and values | what YAML can say; texts in it may be templates |
| name | lower-case letters, digits and ` + "`-`" + ` between them, at most 64 |
| id | a lower-case letter, then lower-case letters, digits and ` + "`_`" + ` |
| duration | Go text, with days before it or alone, at most 366 days: ` + "`500ms`, `90s`, `1m30s`, `2d`" + ` |
| day | ` + "`\"2026-12-31\"`" + `, quoted |

`)
	writeShapes(b, runbook.Shapes())
	return nil
}

// headingOf is the heading of a mapping.
func headingOf(s *runbook.Shape) string { return strings.ToUpper(s.Name()[:1]) + s.Name()[1:] }

func linkTo(s *runbook.Shape) string {
	if s == nil {
		return "[steps](#steps)"
	}
	return fmt.Sprintf("[%s](#%s)", s.Name(), anchorOf(headingOf(s)))
}

// writeShapes writes a table for each mapping of a file, whose root is the
// first.
func writeShapes(b *strings.Builder, shapes []*runbook.Shape) {
	steps := slices.IndexFunc(shapes, (*runbook.Shape).Step)
	for i, s := range shapes {
		if i == steps {
			writeStepKinds(b, shapes)
		}
		fmt.Fprintf(b, "## %s\n\n", headingOf(s))
		if holders := holdersOf(s, shapes); len(holders) > 0 {
			fmt.Fprintf(b, "Stands in %s.\n\n", strings.Join(holders, ", "))
		}
		if rows := s.Either(); len(rows) > 0 {
			either := make([]string, len(rows))
			for i, row := range rows {
				either[i] = "`" + strings.Join(row, "`, `") + "`"
			}
			fmt.Fprintf(b, "It needs one of: %s.\n\n", strings.Join(either, "; or "))
		}
		if names := s.OneOf(); len(names) > 0 {
			fmt.Fprintf(b, "It needs one of `%s`, and not two.\n\n", strings.Join(names, "`, `"))
		}
		b.WriteString("| key | form | without it | meaning |\n|---|---|---|---|\n")
		for _, k := range s.Keys() {
			otherwise := k.Otherwise()
			if k.Need() {
				otherwise = "refused"
			}
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.Name(), cellOf(k.Takes(linkTo)), cellOf(otherwise), cellOf(k.Doc()))
		}
		if k, ok := s.Others(); ok {
			fmt.Fprintf(b, "| any other | %s | | %s |\n", cellOf(k.Takes(linkTo)), cellOf(k.Doc()))
		}
		if i < len(shapes)-1 {
			b.WriteString("\n")
		}
	}
}

// writeStepKinds tells the kinds of steps apart.
func writeStepKinds(b *strings.Builder, shapes []*runbook.Shape) {
	b.WriteString("## Steps\n\nA step is one of these; the key that only one kind has says which.\n\n")
	for _, s := range shapes {
		if s.Step() {
			fmt.Fprintf(b, "- %s\n", linkTo(s))
		}
	}
	var holders []string
	for _, s := range shapes {
		for _, k := range s.Keys() {
			if k.Steps() {
				holders = append(holders, fmt.Sprintf("`%s` of %s", k.Name(), linkTo(s)))
			}
		}
	}
	fmt.Fprintf(b, "\nSteps stand in %s.\n\n", strings.Join(holders, ", "))
}

// holdersOf names the keys that hold a mapping.
func holdersOf(s *runbook.Shape, shapes []*runbook.Shape) []string {
	var holders []string
	for _, other := range shapes {
		for _, k := range other.Keys() {
			if k.Shape() == s {
				holders = append(holders, fmt.Sprintf("`%s` of %s", k.Name(), linkTo(other)))
			}
		}
		if k, ok := other.Others(); ok && k.Shape() == s {
			holders = append(holders, linkTo(other))
		}
	}
	return holders
}
