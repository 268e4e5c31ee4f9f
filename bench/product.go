package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
)

// product is the binary that is measured, and what it needs to run.
type product struct {
	binary string
	dir    string // of states, configuration and the plugin
	config string // file
	calls  string // file in which the plugin notes its calls
}

// configuration is firebreak.yaml. The person who runs the benchmark holds
// every role.
const configuration = `services:
  api:
    environment: prod
    owner: platform
    metrics:  {plugin: bench}
    database: {plugin: bench}
    settings: {plugin: bench}
    workload: {plugin: bench}
    backlog:  {plugin: bench}
tools:
  bench: {calls: %[1]q}
plugins:
  bench: {path: %[2]q, sha256: %[3]q}
people:
  ann: {os_user: %[4]q}
  bob: {os_user: nobody}
roles:
  sre-oncall: {people: [ann, bob]}
  sre-leads: {people: [ann, bob]}
`

// header begins every runbook of the benchmark; its steps follow.
const header = "firebreak: v1\nname: bench\ntitle: A part of the benchmark\nowner: bench\nsteps:\n"

// reads is a runbook that reads n times, one after the other.
func reads(n, milliseconds int) string {
	step := "  - uses: bench.read\n"
	if milliseconds > 0 {
		step += fmt.Sprintf("    with: {milliseconds: %d}\n", milliseconds)
	}
	return header + strings.Repeat(step, n)
}

// gated is a runbook with one change that needs a yes.
const gated = header + `  - id: change
    uses: bench.change
    resource: ${{ run.id }}
    approve:
      of: [{role: sre-oncall, for: 24h}]
      self: true
    verify: {none: nothing to see, owner: bench, last_day: "2999-12-31"}
    undo: {none: nothing to put back}
`

func newProduct(ctx context.Context, dir, binary string) (*product, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("there is nothing to measure; `make build` makes it: %w", err)
	}
	p := &product{binary: binary, dir: dir, config: filepath.Join(dir, "firebreak.yaml"), calls: filepath.Join(dir, "calls")}
	plugin := filepath.Join(dir, "plugin")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", plugin, "./plugin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the plugin: %w\n%s", err, text)
	}
	code, err := os.ReadFile(plugin)
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(configuration, p.calls, plugin, fmt.Sprintf("%x", sha256.Sum256(code)), me.Username)
	return p, os.WriteFile(p.config, []byte(text), 0o600)
}
