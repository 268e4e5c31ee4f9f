package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/engine/service"
)

// writeConfigKeys writes the tables that the parser of firebreak.yaml reads by,
// and the schemas by which the built-in plugins read their sections.
func writeConfigKeys(b *strings.Builder) error {
	b.WriteString("What the file is for, with examples: [the guide](../configuration.md). The forms are those of [runbooks](runbook.md), and nothing is a template.\nAn editor knows its frame by `firebreak schema config`; a plugin reads its own sections.\nA name is at most 63 of `a-z 0-9 . _ -` and begins with a letter or digit.\n\n")
	writeShapes(b, service.Shapes())
	sections := map[string]json.RawMessage{}
	for name, plugin := range builtins() {
		for capability, schema := range plugin.Describe().Config {
			if capability == "" {
				capability = "tools"
			}
			sections[capability+": "+name] = schema
		}
	}
	for _, heading := range slices.Sorted(maps.Keys(sections)) {
		var s jsonschema.Schema
		if err := json.Unmarshal(sections[heading], &s); err != nil {
			return fmt.Errorf("the section %s: %w", heading, err)
		}
		delete(s.Properties, "plugin") // as in each section
		writeKeys(b, heading, &s)
	}
	return nil
}

// writeKeys writes a table of what a mapping may hold.
func writeKeys(b *strings.Builder, heading string, s *jsonschema.Schema) {
	fmt.Fprintf(b, "\n## %s\n\n", heading)
	if len(s.Properties) == 0 {
		b.WriteString("It takes no keys.\n")
		return
	}
	b.WriteString("| key | form | without it | meaning |\n|---|---|---|---|\n")
	writeRows(b, "", s)
}

func writeRows(b *strings.Builder, prefix string, s *jsonschema.Schema) {
	names := slices.SortedFunc(maps.Keys(s.Properties), func(x, y string) int {
		return cmp.Or(boolCompare(slices.Contains(s.Required, y), slices.Contains(s.Required, x)), strings.Compare(x, y))
	})
	for _, name := range names {
		p := s.Properties[name]
		form, named := formOf(p)
		otherwise := ""
		switch {
		case slices.Contains(s.Required, name):
			otherwise = "refused"
		case p.Default != nil:
			otherwise = "`" + strings.Trim(string(p.Default), `"`) + "`"
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", prefix, name, cellOf(form), otherwise, cellOf(strings.TrimSuffix(p.Description, ".")))
		if named != nil {
			writeRows(b, prefix+name+".NAME.", named)
		}
	}
}

func boolCompare(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	default:
		return -1
	}
}

// formOf says what a value looks like; named is the schema of what it holds by
// name.
func formOf(s *jsonschema.Schema) (form string, named *jsonschema.Schema) {
	inner := s.AdditionalProperties
	switch {
	case s.Type != "object" || inner == nil || inner.Not != nil:
		return plainForm(s), nil
	case len(inner.Properties) > 0:
		return "names, each with the keys below", inner
	default:
		return "names and texts", nil
	}
}

// plainForm says what a value looks like that holds nothing by name.
func plainForm(s *jsonschema.Schema) string {
	if s.Items == nil {
		return strings.NewReplacer("string", "text", "object", "secret").Replace(typeOf(s))
	}
	item, _ := formOf(s.Items)
	if slices.Contains(s.Types, "string") {
		return item + ", or a list of them"
	}
	return "list of " + item
}
