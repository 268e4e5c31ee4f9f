package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine/cases"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
)

func newSchema(a *app) *cobra.Command {
	return withExits(&cobra.Command{
		Use:       "schema runbook|test|config",
		Short:     "Print the JSON Schema of runbooks, tests or firebreak.yaml, for editors",
		Long:      "schema prints a JSON Schema (draft 2020-12). It is made from what the parser reads.",
		Example:   `  firebreak schema runbook > runbook.schema.json`,
		ValidArgs: []string{"runbook", "test", "config"},
		Args:      args(1, 1, "runbook, test or config"),
		RunE:      func(_ *cobra.Command, got []string) error { return a.schema(got[0]) },
	})
}

func (a *app) schema(of string) error {
	var schema json.RawMessage
	switch of {
	case "runbook":
		schema = runbook.Schema()
	case "test":
		schema = cases.Schema()
	case "config":
		schema = service.Schema()
	default:
		return &usageError{err: fmt.Errorf("there is no schema of %q", of), hint: "usage: firebreak schema runbook|test|config"}
	}
	var b bytes.Buffer
	if err := json.Indent(&b, schema, "", "  "); err != nil {
		return fmt.Errorf("the schema of %s: %w", of, err)
	}
	a.printf("%s\n", bytes.TrimSpace(b.Bytes()))
	return nil
}
