package main

import (
	"context"
	"crypto/sha256"
	"errors"
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
	config string // file; of all but the footprint
	bare   string // file that configures no third party's plugin
	calls  string // file in which the plugin notes its calls
}

// people is who holds every role: whoever runs the benchmark.
const people = `people:
  ann: {os_user: %q}
  bob: {os_user: nobody}
roles:
  sre-oncall: {people: [ann, bob]}
  sre-leads: {people: [ann, bob]}
`

// configuration is the rest of firebreak.yaml.
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
  bench: {calls: %q}
plugins:
  bench: {path: %q, sha256: %q}
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
` + gate

// hold is the same with a built-in plugin. Nobody approves it.
const hold = header + `  - id: change
    uses: http.request
    with: {resource: bench, method: POST, url: "http://127.0.0.1:9"}
` + gate

const gate = `    resource: ${{ run.id }}
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
	p := &product{
		binary: binary, dir: dir, calls: filepath.Join(dir, "calls"),
		config: filepath.Join(dir, "firebreak.yaml"), bare: filepath.Join(dir, "bare.yaml"),
	}
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
	bare := fmt.Sprintf(people, me.Username)
	full := bare + fmt.Sprintf(configuration, p.calls, plugin, fmt.Sprintf("%x", sha256.Sum256(code)))
	return p, errors.Join(os.WriteFile(p.bare, []byte(bare), 0o600), os.WriteFile(p.config, []byte(full), 0o600))
}
