// Package enginetest holds what tests of the engine and of its runtimes share:
// a fake world with actions that can fail in every way, a driver that plays a
// run against it, a simulator that does so at random, and the suite that every
// runtime must pass.
package enginetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Resource is the identity of the fake world, which every mutation locks.
const Resource = "world:1"

// Catalog holds the actions of the fake world.
//
//	world.read    {key}         reads a value
//	world.health  {}            reads whether all is well
//	world.set     {key, value}  idempotent, can be probed, undone by world.set
//	world.bump    {key}         adds one: not idempotent, no probe, undone by world.unbump
//	world.late    {key}         as bump, can be probed, and settles only after 20 s
//	world.slow    {key}         as late, and so is its undo, world.unslow
//	world.rollback {key}        as bump, and a rollback
//	world.once    {key}         not idempotent, no probe, no undo
//	tool.set      {key, value}  as world.set, of a tool: a step names the resource
func Catalog() runbook.Catalog {
	key := map[string]*expr.Type{"key": expr.Of(expr.String)}
	keyed := expr.Record(key)
	valued := expr.Record(map[string]*expr.Type{"key": expr.Of(expr.String), "value": expr.Of(expr.Int)})
	out := expr.Record(map[string]*expr.Type{"value": expr.Of(expr.Int)})
	actions := []*runbook.Action{
		{Name: "world.read", Effect: runbook.EffectRead, Input: keyed, Output: out, Idempotent: true},
		{Name: "world.health", Effect: runbook.EffectRead, Input: expr.Record(nil), Idempotent: true,
			Output: expr.Record(map[string]*expr.Type{"ok": expr.Of(expr.Bool)})},
		{Name: "world.set", Effect: runbook.EffectMutate, Input: valued, Output: out, Undo: "world.set", Idempotent: true, Probe: true},
		{Name: "world.bump", Effect: runbook.EffectMutate, Input: keyed, Output: out, Undo: "world.unbump"},
		{Name: "world.unbump", Effect: runbook.EffectMutate, Input: keyed, Output: out},
		{Name: "world.late", Effect: runbook.EffectMutate, Input: keyed, Output: out, Undo: "world.unbump", Probe: true, SettlesIn: 20 * time.Second},
		{Name: "world.slow", Effect: runbook.EffectMutate, Input: keyed, Output: out, Undo: "world.unslow", Probe: true, SettlesIn: 20 * time.Second},
		{Name: "world.unslow", Effect: runbook.EffectMutate, Input: keyed, Output: out, Probe: true, SettlesIn: 20 * time.Second},
		{Name: "world.rollback", Effect: runbook.EffectMutate, Input: keyed, Output: out, Undo: "world.unbump"},
		{Name: "world.once", Effect: runbook.EffectMutate, Input: keyed, Output: out, NoPrecondition: true},
	}
	catalog := runbook.Catalog{}
	for _, a := range actions {
		a.Capability = "world"
		catalog[a.Name] = a
	}
	catalog["tool.set"] = &runbook.Action{
		Name: "tool.set", Effect: runbook.EffectMutate, Input: valued, Output: out, Undo: "tool.set", Idempotent: true, Probe: true,
	}
	return catalog
}

// Book parses a runbook whose actions are those of [Catalog], and returns what
// is pinned of it, too. It adds the head that every runbook has. Runbooks that
// it calls follow it, each after a line of three dashes, and begin with their
// name.
func Book(src string) (*runbook.Runbook, []byte, []runbook.Problem) {
	parts := strings.Split(src, "\n---\n")
	library := func(name string) (string, []byte, error) {
		for _, part := range parts[1:] {
			if strings.HasPrefix(part, "name: "+name+"\n") {
				return name + ".yaml", []byte("firebreak: v1\nservice: api\n" + part), nil
			}
		}
		return "", nil, fmt.Errorf("there is no runbook %s", name)
	}
	full := []byte("firebreak: v1\nname: test\nservice: api\n" + parts[0])
	book, problems := runbook.Parse("test.yaml", full, Catalog(), library)
	if len(problems) > 0 {
		return nil, full, problems
	}
	return book, book.Pinned, nil
}

// Facts are those of a run that dora started: alice and bob may answer gates
// as ops, carol as lead, who may also break the glass.
func Facts(book *runbook.Runbook) engine.Facts {
	return engine.Facts{
		ID: "r1", Runbook: book.Name, Requester: engine.Requester{Kind: "person", Name: "dora"},
		Service: "api", Environment: "test", Owner: "platform",
		Roles: map[string]engine.Role{
			"ops":  {People: []string{"alice", "bob", "dora"}},
			"lead": {People: []string{"carol"}, BreakGlass: true},
		},
		Resources:  map[string]string{"world": Resource},
		Pins:       engine.Pins{Runbook: book.Digest, Config: "sha256:config", Actions: "sha256:actions", Plugins: map[string]string{"world": "world@1"}},
		Generation: 1,
		Rules:      engine.Rules,
	}
}

func object(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // never: only maps of strings and ints come here
	}
	return b
}
