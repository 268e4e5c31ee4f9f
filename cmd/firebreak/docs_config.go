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

// writeConfigKeys writes the schema of firebreak.yaml, and those by which the
// built-in plugins read their sections.
func writeConfigKeys(b *strings.Builder) error {
	var root jsonschema.Schema
	if err := json.Unmarshal(service.Schema(), &root); err != nil {
		return fmt.Errorf("the schema of firebreak.yaml: %w", err)
	}
	b.WriteString("What the file is for, with examples: [the guide](../configuration.md). An editor knows its frame by `firebreak schema config`; a plugin reads its own sections.\nA name is at most 63 of `a-z 0-9 . _ -` and begins with a letter or digit.\n")
	writeKeys(b, "firebreak.yaml", &root, root.Defs)
	for _, name := range []string{"service", "section", "role", "person", "plugin", "source", "freeze", "window"} {
		writeKeys(b, "Each "+name, root.Defs[name], root.Defs)
	}
	for _, name := range []string{"mapping", "serve", "runbooks", "policy", "automation", "shadow", "read_only", "breaker", "rate", "budget", "slack", "paging", "heartbeat"} {
		writeKeys(b, name, root.Defs[name], root.Defs)
	}
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
		writeKeys(b, heading, &s, nil)
	}
	return nil
}

// writeKeys writes a table of what a mapping may hold.
func writeKeys(b *strings.Builder, heading string, s *jsonschema.Schema, defs map[string]*jsonschema.Schema) {
	fmt.Fprintf(b, "\n## %s\n\n", heading)
	if s.Description != "" {
		b.WriteString(s.Description + "\n\n")
	}
	if len(s.Properties) == 0 {
		b.WriteString("It takes no keys.\n")
		return
	}
	b.WriteString("| key | form | without it | meaning |\n|---|---|---|---|\n")
	writeRows(b, "", s, defs)
}

func writeRows(b *strings.Builder, prefix string, s *jsonschema.Schema, defs map[string]*jsonschema.Schema) {
	names := slices.SortedFunc(maps.Keys(s.Properties), func(x, y string) int {
		return cmp.Or(boolCompare(slices.Contains(s.Required, y), slices.Contains(s.Required, x)), strings.Compare(x, y))
	})
	for _, name := range names {
		p := s.Properties[name]
		form, named := formOf(p, defs)
		otherwise := ""
		switch {
		case slices.Contains(s.Required, name):
			otherwise = "refused"
		case p.Default != nil:
			otherwise = "`" + strings.Trim(string(p.Default), `"`) + "`"
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", prefix, name, cellOf(form), otherwise, cellOf(strings.TrimSuffix(p.Description, ".")))
		if named != nil && len(named.Properties) > 0 {
			writeRows(b, prefix+name+".NAME.", named, defs)
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
// name and has no heading of its own.
func formOf(s *jsonschema.Schema, defs map[string]*jsonschema.Schema) (form string, named *jsonschema.Schema) {
	if def, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		if s = defs[def]; s.Type == "object" {
			return fmt.Sprintf("[the keys below](#%s)", def), nil
		}
	}
	inner := s.AdditionalProperties
	if s.Type != "object" || inner == nil || inner.Not != nil {
		return plainForm(s, defs), nil
	}
	if def, ok := strings.CutPrefix(inner.Ref, "#/$defs/"); ok {
		return fmt.Sprintf("names, [each a %s](#each-%s)", def, def), nil
	}
	if len(inner.Properties) > 0 && inner.Properties["plugin"] == nil {
		return "names, each with the keys below", inner
	}
	if inner.Type == "string" || len(inner.Types) > 0 {
		return "names and texts", nil
	}
	if inner.Title == "secret" {
		return "names, each a secret", nil
	}
	return "names, each a section of its plugin", nil
}

// plainForm says what a value looks like that holds nothing by name.
func plainForm(s *jsonschema.Schema, defs map[string]*jsonschema.Schema) string {
	if s.Items == nil {
		return strings.NewReplacer("string", "text", "object", "secret").Replace(typeOf(s))
	}
	item, _ := formOf(s.Items, defs)
	if slices.Contains(s.Types, "string") {
		return item + ", or a list of them"
	}
	return "list of " + item
}
