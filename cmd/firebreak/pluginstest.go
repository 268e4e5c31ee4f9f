package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/plugins/conformance"
	"github.com/firebreak-ops/firebreak/plugins/host"
)

func newPluginsTest(a *app) *cobra.Command {
	var cases string
	c := withExits(&cobra.Command{
		Use:   "test FILE",
		Short: "Hold a plugin's executable to the contract",
		Long: `test starts an executable as firebreak does, as a real process, and tries every
rule that a plugin must keep: what it says of itself, its sections, its reads,
and of each mutation the plan, a stop, a target that changed after the plan, the
run, a second run and the undo. It needs no firebreak.yaml and keeps no state.

The cases say what to try it with. Their commands are run by sh, in an empty
folder that is removed afterwards. An action without a case fails.`,
		Example: `  firebreak plugins test ./jsonfile --cases cases.yaml`,
		Args:    args(1, 1, "the file of an executable"),
		RunE:    func(c *cobra.Command, got []string) error { return a.testPlugin(c.Context(), got[0], cases) },
	}, exitProblems)
	c.Flags().StringVar(&cases, "cases", "", "what to try it with: a YAML `file`, described in docs/plugins.md")
	return c
}

// ruleLine is one rule in the output of `plugins test`.
type ruleLine struct {
	Type     string   `json:"type"`
	Rule     string   `json:"rule"`
	OK       bool     `json:"ok"`
	Problems []string `json:"problems,omitempty"`
	Log      []string `json:"log,omitempty"`
}

// testedLine is the last line of `plugins test`.
type testedLine struct {
	Type     string `json:"type"`
	Plugin   string `json:"plugin"`
	Checksum string `json:"checksum"`
	Rules    int    `json:"rules"`
	Failed   int    `json:"failed"`
}

func (a *app) testPlugin(ctx context.Context, path, casesFile string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fail(exitUsage, "", "find the executable: %w", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return fail(exitUsage, "name the executable of a plugin", "the executable cannot be read: %w", err)
	}
	var src []byte
	if casesFile != "" {
		if src, err = os.ReadFile(casesFile); err != nil {
			return fail(exitUsage, "name a file with --cases", "the cases cannot be read: %w", err)
		}
	}
	dir, err := os.MkdirTemp("", "firebreak-test-")
	if err != nil {
		return fail(exitError, "set TMPDIR to a folder that can be written", "make a folder for the cases: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left in a temporary folder harms nobody
	base := filepath.Base(path)
	name, cases, err := conformance.Parse(src, dir, strings.TrimSuffix(base, filepath.Ext(base)))
	if err != nil {
		return fail(exitProblems, "docs/plugins.md describes the file", "%s: %w", casesFile, err)
	}
	sum := sha256.Sum256(raw)
	spec := host.Spec{Name: name, Path: path, SHA256: hex.EncodeToString(sum[:])}
	last := testedLine{Type: "tested", Plugin: name, Checksum: spec.SHA256}
	conformance.Try(ctx, spec, cases, func(r conformance.Result) {
		last.Rules++
		if len(r.Problems) > 0 {
			last.Failed++
		}
		if said := a.writeRule(r); said != nil {
			err = said
		}
	})
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return a.writeTested(path, last)
}

func (a *app) writeRule(r conformance.Result) error {
	rule := r.Rule
	if rule == "" {
		rule = "start" // of the whole
	}
	if a.flags.json {
		return a.printJSON(ruleLine{Type: "rule", Rule: rule, OK: len(r.Problems) == 0, Problems: r.Problems, Log: r.Log})
	}
	if len(r.Problems) == 0 {
		a.printf("ok    %s\n", rule)
		return nil
	}
	a.printf("FAIL  %s\n", rule)
	for _, line := range append(r.Problems, r.Log...) {
		a.printf("      %s\n", strings.ReplaceAll(strings.TrimRight(line, "\n"), "\n", "\n      "))
	}
	return nil
}

func (a *app) writeTested(path string, last testedLine) error {
	if a.flags.json {
		if err := a.printJSON(last); err != nil {
			return err
		}
	}
	if last.Failed > 0 {
		return fail(exitError, "", "%s does not keep %d of %d rules", last.Plugin, last.Failed, last.Rules)
	}
	if !a.flags.json {
		a.printf("%s keeps all %d rules. To use it, write in firebreak.yaml:\nplugins:\n  %s:\n    path: %s\n    sha256: %s\n", last.Plugin, last.Rules, last.Plugin, path, last.Checksum)
	}
	return nil
}
