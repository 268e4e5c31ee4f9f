package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/firebreak-ops/firebreak/plugins"
)

// writeActions writes the contracts, and what the built-ins serve.
func writeActions(b *strings.Builder) error {
	b.WriteString(`- **effect**: ` + "`read`" + ` changes nothing; ` + "`mutate`" + ` changes something that can be made again; ` + "`irreversible`" + ` loses what cannot.
- **undo**: the action that takes what this one did, and puts it back.
- **idempotent**: done again with the same input it changes nothing more, so ` + "`retry`" + ` may be used.
- **probe**: when the outcome is lost (a crash, a timeout) the plugin can find out what became of it; otherwise a person is asked.
- **compare and set**: it changes nothing where the target is no longer what people were shown.
- **settles**: how long after a lost call its effect may still show; nothing is decided before.

A time is RFC 3339 text, a duration text such as ` + "`1m30s`" + `. A ` + "`?`" + ` after a name: it may be left out. ` + "`or null`" + `: it is there, and may be null.
Outputs may have more fields than these; ignore those that you do not know.

| action | effect | served by | |
|---|---|---|---|
`)
	all := allActions(nil)
	served := servers()
	for _, a := range all {
		fmt.Fprintf(b, "| [`%s`](#%s) | %s | %s | %s |\n", a.Name, strings.ReplaceAll(a.Name, ".", ""), a.Effect, served[a.Name], a.Doc)
	}
	for _, a := range all {
		fmt.Fprintf(b, "\n## %s\n\n%s Served by %s.\n\n%s\n", a.Name, a.Doc, served[a.Name], traits(a))
		b.WriteString("\nInput:\n\n")
		if err := writeSchema(b, a.Input); err != nil {
			return fmt.Errorf("the input of %s: %w", a.Name, err)
		}
		b.WriteString("\nOutputs:\n\n")
		if err := writeSchema(b, a.Output); err != nil {
			return fmt.Errorf("the outputs of %s: %w", a.Name, err)
		}
	}
	return nil
}

// servers names the built-ins that serve each action.
func servers() map[string]string {
	by := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(builtins())) {
		for _, a := range builtins()[name].Describe().Actions {
			if by[a.Name] != "" {
				by[a.Name] += ", "
			}
			by[a.Name] += "`" + name + "`"
		}
	}
	return by
}

func traits(a plugins.Action) string {
	parts := []string{"**" + string(a.Effect) + "**"}
	if a.Effect == plugins.Read {
		return parts[0]
	}
	if a.Undo != "" {
		parts = append(parts, "undo: `"+a.Undo+"`")
	} else {
		parts = append(parts, "cannot be undone")
	}
	for _, trait := range []struct {
		has     bool
		is, not string
	}{
		{a.Idempotent, "idempotent", "not idempotent"},
		{a.Probe, "probe", "no probe"},
		{!a.NoPrecondition, "compare and set", "cannot compare and set"},
	} {
		if trait.has {
			parts = append(parts, trait.is)
		} else {
			parts = append(parts, trait.not)
		}
	}
	return strings.Join(append(parts, "settles in "+a.SettlesIn.String()), "; ")
}

func writeSchema(b *strings.Builder, raw json.RawMessage) error {
	var s jsonschema.Schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if len(s.Properties) == 0 {
		b.WriteString("- nothing\n")
		return nil
	}
	writeFields(b, &s, "")
	return nil
}

// maxNesting is how deep the page shows an object inside an object.
const maxNesting = 2

func writeFields(b *strings.Builder, s *jsonschema.Schema, indent string) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		mark := ""
		if !slices.Contains(s.Required, name) {
			mark = "?"
		}
		fmt.Fprintf(b, "%s- `%s`%s: %s", indent, name, mark, typeOf(p))
		if p.Description != "" {
			b.WriteString("; " + p.Description)
		}
		if p.Default != nil {
			fmt.Fprintf(b, "; `%s` if left out", p.Default)
		}
		b.WriteString("\n")
		inner := p
		if p.Items != nil {
			inner = p.Items
		}
		if len(inner.Properties) > 0 && len(indent) < 2*maxNesting {
			writeFields(b, inner, indent+"  ")
		}
	}
}

func typeOf(s *jsonschema.Schema) string {
	types := slices.Clone(s.Types)
	if s.Type != "" {
		types = []string{s.Type}
	}
	null := slices.Contains(types, "null")
	types = slices.DeleteFunc(types, func(t string) bool { return t == "null" })
	text := strings.Join(types, " or ")
	switch {
	case len(types) == 0:
		text = "anything"
	case s.Format == "date-time":
		text = "time"
	case s.Format == "go-duration":
		text = "duration"
	case text == "array" && s.Items != nil:
		text = "list of " + typeOf(s.Items)
	case len(s.Enum) > 0:
		words := make([]string, 0, len(s.Enum))
		for _, w := range s.Enum {
			if w != nil {
				words = append(words, fmt.Sprintf("`%v`", w))
			}
		}
		text = "one of " + strings.Join(words, ", ")
	}
	if null {
		text += " or null"
	}
	return text
}
