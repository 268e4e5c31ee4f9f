package enginetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// shapes are runbooks that a simulator always tries, beside those it invents.
var shapes = []string{
	`steps:
  - id: a
    uses: world.set
    with: {key: a, value: 7}
    approve: {of: [{role: ops, for: 5m}]}
    retry: {attempts: 5, backoff: 1s}
    verify: {none: a test, owner: t, last_day: "2026-12-31"}
    undo: {uses: world.set}
`,
	`steps:
  - {id: r, uses: world.read, with: {key: x}}
  - id: a
    uses: world.bump
    with: {key: a}
    approve: {of: [{role: ops, for: 5m}]}
    guard: {uses: world.read, with: {key: g}, that: result.value == 0}
    verify: {uses: world.health, until: result.ok, for: 2s, within: 8s}
    undo: {uses: world.unbump}
finally:
  - {id: z, uses: world.read, with: {key: z}}
`,
	`timeout: 20m
steps:
  - id: g
    approve: {of: [{role: ops, for: 3m}, {role: lead, for: 5m}], valid_for: 4m}
    steps:
      - {id: a, uses: world.set, with: {key: a, value: 7}, undo: {uses: world.set}, retry: {attempts: 3, backoff: 1s}}
      - wait: 30s
      - {id: b, uses: world.late, with: {key: b}, undo: {uses: world.unbump}}
      - {id: c, uses: world.once, with: {key: c}, undo: {none: nothing}}
    verify: {uses: world.health, until: result.ok, for: 2s, within: 8s, on_fail: undo}
on_failure:
  - {notify: ops, text: "${{ run.failure.class }}"}
`,
	`steps:
  - id: p
    approve: {of: [{role: ops, for: 5m}], on_expiry: skip}
    parallel:
      - {id: a, uses: world.bump, with: {key: a}, undo: {uses: world.unbump}, timeout: 10s}
      - {id: b, uses: world.bump, with: {key: b}, undo: {uses: world.unbump}}
      - id: s
        steps:
          - wait: 10s
          - {id: c, uses: world.set, with: {key: a, value: 3}, undo: {uses: world.set}}
    verify: {uses: world.health, until: result.ok, for: 2s, within: 8s, on_fail: ask}
    timeout: 2m
  - id: last
    uses: world.set
    with: {key: l, value: 1}
    approve: {of: [{role: ops, for: 5m}]}
    undo: {uses: world.set}
    verify: {uses: world.health, until: result.ok, for: 1s, within: 5s, on_fail: keep}
on_failure:
  - id: repair
    uses: world.bump
    with: {key: a}
    approve: {of: [{role: ops, for: 5m}]}
    undo: {uses: world.unbump}
    verify: {none: a test, owner: t, last_day: "2026-12-31"}
finally:
  - {id: y, uses: world.read, with: {key: y}}
  - id: z
    uses: world.set
    with: {key: z, value: 1}
    approve: {of: [{role: ops, for: 5m}]}
    undo: {uses: world.set}
    verify: {none: a test, owner: t, last_day: "2026-12-31"}
`,
	`steps:
  - {id: n, ask: how many, of: [{role: ops, for: 5m}, {role: lead, for: 3m}], value: {type: integer}}
  - id: a
    uses: world.set
    with:
      key: a
      value: ${{ steps.n.outputs.value }}
    approve: {of: [{role: ops, for: 5m}]}
    verify: {uses: world.health, until: result.ok, for: 2s, within: 8s}
    undo: {uses: world.set}
  - {id: m, ask: is it enough, of: [{role: lead, for: 3m}], value: {type: integer}, on_expiry: skip}
  - id: b
    uses: world.bump
    with: {key: b}
    approve: {of: [{role: ops, for: 5m}]}
    verify: {none: a test, owner: t, last_day: "2026-12-31"}
    undo: {uses: world.unbump}
`,
	`steps:
  - id: g
    approve: {of: [{role: ops, for: 5m}], self: true}
    steps:
      - {id: a, uses: world.set, with: {key: a, value: 7}, undo: {uses: world.set, retry: {attempts: 2, backoff: 1s}}}
      - id: b
        uses: world.set
        with: {key: b, value: 7}
        undo: {uses: world.set, retry: {attempts: 2, backoff: 1s}, verify: {uses: world.health, until: result.ok, for: 2s, within: 8s}}
      - {id: c, uses: world.set, with: {key: c, value: 7}, undo: {uses: world.set, retry: {attempts: 2, backoff: 1s}}}
      - fail: enough
    verify: {uses: world.health, until: result.ok, for: 2s, within: 8s}
`,
}

// generator writes random runbooks that pass the checks of the language.
type generator struct {
	*rand.Rand
	b       strings.Builder
	next    int
	tools   bool     // change what tools change, not the world
	spent   int      // seconds of the waits and verifies so far
	reach   []int    // which of the tools' things; empty: any
	item    bool     // inside a foreach
	handler bool     // what is written is a handler
	times   int      // how often what is written now is done at most
	input   bool     // in a runbook that is called
	inner   string   // the runbook that is called, once there is one
	reads   []string // conditions on what was read before, each written once
}

// generate writes one. Where several runs are to meet, each changes a few of
// the same things.
func generate(rng *rand.Rand, many bool) string {
	if rng.IntN(4) == 0 {
		return shapes[rng.IntN(len(shapes))]
	}
	g := &generator{Rand: rng, times: 1, tools: rng.IntN(5) == 0}
	if many {
		g.tools = rng.IntN(4) > 0
		g.reach = rng.Perm(4)[:1+rng.IntN(3)]
	}
	timed := g.IntN(4) == 0
	if many {
		g.b.WriteString([]string{"", "", "on_locked: skip\n", "on_locked: join\n"}[g.IntN(4)])
	}
	g.list("steps", 0, 1+g.IntN(4), false, false)
	g.handler, g.reads = true, nil
	if g.IntN(3) == 0 {
		g.list("on_failure", 0, 1+g.IntN(2), false, false)
	}
	if g.IntN(2) == 0 {
		g.reads = nil
		g.list("finally", 0, 1+g.IntN(2), false, false)
	}
	if timed {
		g.linef(0, "timeout: %ds", 15*60+g.spent)
	}
	return g.b.String() + g.inner
}

func (g *generator) linef(depth int, format string, args ...any) {
	g.b.WriteString(strings.Repeat("    ", depth))
	fmt.Fprintf(&g.b, format, args...)
	g.b.WriteByte('\n')
}

// list writes n steps. gated and verified: a group around them has an approve,
// a verify.
func (g *generator) list(key string, depth, n int, gated, verified bool) {
	g.linef(depth, "%s:", key)
	for range n {
		before := g.reads
		g.step(depth+1, gated, verified)
		if strings.HasSuffix(key, "parallel") || key == "finally" {
			g.reads = before // what runs beside others is not read by them, nor what a step comes after though it failed
		}
	}
}

// condition makes a step hang on what was read before, now and then.
func (g *generator) condition(depth int) {
	if len(g.reads) == 0 || g.IntN(3) > 0 {
		return
	}
	i := g.IntN(len(g.reads))
	g.linef(depth, "  if: %s", g.reads[i])
	g.reads = slices.Delete(slices.Clone(g.reads), i, i+1)
}

func (g *generator) step(depth int, gated, verified bool) {
	g.next++
	id := fmt.Sprintf("s%d", g.next)
	switch k := g.IntN(13); {
	case k == 12 && depth <= 2 && g.inner == "" && !g.input:
		g.call(id, depth, gated, verified)
	case k >= 11 && depth <= 2:
		g.foreach(id, depth, gated, verified)
	case k == 10:
		g.ask(id, depth)
	case k == 6 && g.tools && depth <= 3 && !gated:
		g.late(id, depth, verified)
	case k < 2:
		g.linef(depth, "- id: %s", id)
		g.linef(depth, "  uses: world.read")
		g.linef(depth, "  with: {key: %s}", g.key())
		condition := fmt.Sprintf("steps.%s.outputs.value %s %d", id, []string{">", "<="}[g.IntN(2)], g.IntN(4))
		if g.IntN(3) == 0 {
			g.linef(depth, "  optional: true")
			condition = fmt.Sprintf("'steps.%s.status == \"succeeded\"'", id)
		}
		g.maybe(depth, "retry: {attempts: 2, backoff: 1s}")
		g.reads = append(slices.Clone(g.reads), condition)
	case k == 2:
		seconds := 1 + g.IntN(40)
		g.spent += seconds * g.times
		g.linef(depth, "- wait: %ds", seconds)
	case k == 3:
		g.linef(depth, "- {notify: ops, text: hello}")
	case k < 7 || depth > 3:
		g.mutation(id, depth, gated, verified)
	default:
		g.group(id, depth, gated, verified)
	}
}

// key names something to read or to change. Where there is an item, or an
// input, mostly that does.
func (g *generator) key() string {
	switch {
	case g.item && g.IntN(4) > 0:
		return "\"${{ item }}\""
	case g.input && g.IntN(4) > 0:
		return "\"${{ inputs.key }}\""
	default:
		return []string{"a", "b", "c"}[g.IntN(3)]
	}
}

// things are some of what may be changed, in text of a runbook.
func (g *generator) things() []string {
	all := []string{"a", "b", "c"}
	if g.tools {
		all = []string{"'0'", "'1'", "'2'", "'3'"}
		if len(g.reach) > 0 {
			all = nil
			for _, n := range g.reach {
				all = append(all, fmt.Sprintf("'%d'", n))
			}
		}
	}
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+g.IntN(min(3, len(all)))]
}

func (g *generator) maybe(depth int, line string) {
	if g.IntN(3) == 0 {
		g.linef(depth, "  %s", line)
	}
}

func (g *generator) gate(depth int) {
	extra := []string{"", ", on_expiry: skip", ", valid_for: 2m", ", self: true", ", quorum: 2"}[g.IntN(5)]
	g.linef(depth, "  approve: {of: [{role: ops, for: 3m}, {role: lead, for: 2m}]%s}", extra)
}

func (g *generator) verify(depth int) {
	if g.IntN(3) == 0 {
		g.linef(depth, `  verify: {none: a test, owner: t, last_day: "2026-12-31"}`)
		return
	}
	g.spent += 2 * g.times
	g.linef(depth, "  verify: {uses: world.health, until: result.ok, for: %ds, within: 8s, on_fail: %s}",
		g.IntN(3), []string{"undo", "keep", "ask"}[g.IntN(3)])
}

func (g *generator) mutation(id string, depth int, gated, verified bool) {
	g.linef(depth, "- id: %s", id)
	g.condition(depth)
	kind := g.IntN(4)
	if g.tools {
		kind = 4
	}
	switch kind {
	case 4:
		g.tool(depth)
	case 0:
		g.linef(depth, "  uses: world.set\n%s  with: {key: %s, value: %d}", strings.Repeat("    ", depth), g.key(), g.IntN(5))
		g.undo(depth, "world.set")
		g.maybe(depth, "retry: {attempts: 3, backoff: 1s}")
	case 1:
		g.linef(depth, "  uses: world.bump\n%s  with: {key: %s}", strings.Repeat("    ", depth), g.key())
		g.undo(depth, "world.unbump")
	case 2:
		action := []string{"late", "slow"}[g.IntN(2)]
		g.linef(depth, "  uses: world.%s\n%s  with: {key: %s}", action, strings.Repeat("    ", depth), g.key())
		g.undo(depth, map[string]string{"late": "world.unbump", "slow": "world.unslow"}[action])
		g.maybe(depth, "retry: {attempts: 2, backoff: 1s}")
	default:
		g.linef(depth, "  uses: world.once\n%s  with: {key: %s}", strings.Repeat("    ", depth), g.key())
		g.linef(depth, "  undo: {none: a test}")
	}
	g.maybe(depth, "timeout: 20s")
	g.maybe(depth, "optional: true")
	g.maybe(depth, "guard: {uses: world.read, with: {key: g}, that: result.value == 0}")
	if !gated || g.IntN(4) == 0 {
		g.gate(depth)
	}
	if !verified || g.IntN(4) == 0 {
		g.verify(depth)
	}
}

// undo writes what takes a change back. It may be tried again where that is
// safe, and be looked at afterwards.
func (g *generator) undo(depth int, action string) {
	retry, verify := "", ""
	if strings.HasSuffix(action, ".set") && g.IntN(3) == 0 { // what may be done twice
		retry = ", retry: {attempts: 2, backoff: 1s}"
	}
	if g.IntN(4) == 0 {
		verify = fmt.Sprintf(", verify: {uses: world.health, until: result.ok, for: %ds, within: 8s}", g.IntN(3))
	}
	g.linef(depth, "  undo: {uses: %s%s%s}", action, retry, verify)
}

// ask writes a question for a value.
func (g *generator) ask(id string, depth int) {
	g.linef(depth, "- id: %s", id)
	g.linef(depth, "  ask: How many?")
	g.linef(depth, "  of: [{role: ops, for: 3m}, {role: lead, for: 2m}]")
	g.linef(depth, "  value: {type: integer}")
	g.maybe(depth, "on_expiry: skip")
}

// tool writes a change of something that a lock of its own covers.
func (g *generator) tool(depth int) {
	n := g.IntN(4)
	if len(g.reach) > 0 {
		n = g.reach[g.IntN(len(g.reach))]
	}
	name := fmt.Sprint(n)
	switch {
	case g.item && g.IntN(4) > 0:
		name = "${{ item }}"
	case g.input && g.IntN(4) > 0:
		name = "${{ inputs.key }}"
	}
	g.linef(depth, "  uses: tool.set\n%s  with: {key: \"t%s\", value: %d}", strings.Repeat("    ", depth), name, g.IntN(5))
	g.linef(depth, "  resource: \"kv:t%s\"", name)
	g.undo(depth, "tool.set")
	g.maybe(depth, "retry: {attempts: 3, backoff: 1s}")
}

// late writes a change of something that only a step before it names.
func (g *generator) late(id string, depth int, verified bool) {
	g.linef(depth, "- id: %s", id)
	g.linef(depth, "  steps:")
	g.linef(depth+1, "- {id: %sn, uses: world.read, with: {key: p%d}}", id, g.IntN(4))
	g.linef(depth+1, "- id: %sc", id)
	name := "${{ steps." + id + "n.outputs.value }}"
	g.linef(depth+1, "  uses: tool.set\n%s  with:", strings.Repeat("    ", depth+1))
	g.linef(depth+2, "key: \"t%s\"", name)
	g.linef(depth+2, "value: %d", g.IntN(5))
	g.linef(depth+1, "  resource: \"kv:t%s\"", name)
	g.linef(depth+1, "  undo: {uses: tool.set}")
	g.maybe(depth+1, "retry: {attempts: 3, backoff: 20s, on: [conflict]}")
	g.maybe(depth+1, "optional: true")
	g.gate(depth + 1)
	if !verified || g.IntN(4) == 0 {
		g.verify(depth + 1)
	}
}

// foreach writes steps that are done for each of one to three things. What
// things they are may hang on what a step before it has read.
func (g *generator) foreach(id string, depth int, gated, verified bool) {
	things := g.things()
	list := "[" + strings.Join(things, ", ") + "]"
	if !gated && g.IntN(3) == 0 {
		g.linef(depth, "- id: %sg", id)
		g.linef(depth, "  steps:")
		depth++
		g.linef(depth, "- {id: %sn, uses: world.read, with: {key: p%d}}", id, g.IntN(4))
		list = fmt.Sprintf("\"${{ steps.%sn.outputs.value > 1 ? [%s] : [%s] }}\"", id, quoted(things), quoted(things[:1]))
	}
	g.linef(depth, "- id: %s", id)
	g.linef(depth, "  foreach: %s", list)
	g.maybe(depth, "concurrency: 2")
	g.maybe(depth, "max_failures: 1")
	outer, times := g.item, g.times
	g.item, g.times = true, times*len(things)
	g.members("  steps", depth, gated, verified)
	g.item, g.times = outer, times
}

func quoted(things []string) string {
	var out []string
	for _, t := range things {
		out = append(out, "'"+strings.Trim(t, "'")+"'")
	}
	return strings.Join(out, ", ")
}

// call writes a call of another runbook, and that runbook.
func (g *generator) call(id string, depth int, gated, verified bool) {
	g.linef(depth, "- id: %s", id)
	g.linef(depth, "  call: other")
	g.linef(depth, "  with: {key: %s}", g.things()[0])
	gated, verified = g.covered(depth, gated, verified)
	other := &generator{Rand: g.Rand, tools: g.tools, reach: g.reach, times: g.times, next: 100, input: true}
	other.b.WriteString("\n---\nname: other\ninputs: {key: {type: string}}\n")
	other.list("steps", 0, 1+g.IntN(2), gated, verified)
	other.linef(1, "- {notify: ops, text: \"${{ inputs.key }}\"}")
	if !g.handler && !g.item && g.IntN(3) == 0 {
		other.reads = nil
		other.list("finally", 0, 1, false, false)
	}
	g.spent += other.spent
	g.inner = other.b.String()
}

func (g *generator) group(id string, depth int, gated, verified bool) {
	g.linef(depth, "- id: %s", id)
	g.condition(depth)
	g.members([]string{"  steps", "  parallel"}[g.IntN(2)], depth, gated, verified)
}

// covered writes the gate and the verify of a group, each where there is none
// around it, or now and then. It returns what its steps are then covered by.
func (g *generator) covered(depth int, gated, verified bool) (bool, bool) {
	if (!gated || g.IntN(3) == 0) && g.IntN(3) > 0 {
		g.gate(depth)
		gated = true
	}
	if !verified && g.IntN(3) > 0 {
		g.verify(depth)
		verified = true
	}
	return gated, verified
}

// members writes what a group covers its steps with, and them.
func (g *generator) members(key string, depth int, gated, verified bool) {
	timed, before := g.IntN(3) == 0, g.spent
	gated, verified = g.covered(depth, gated, verified)
	if gated {
		g.maybe(depth, "guard: {uses: world.read, with: {key: g}, that: result.value == 0}")
	}
	reads := g.reads
	g.list(key, depth, 1+g.IntN(3), gated, verified)
	g.reads = reads // the group may be passed over
	if timed {
		g.linef(depth, "  timeout: %ds", 60+g.spent-before)
	}
}
