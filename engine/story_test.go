package engine_test

import (
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// story is one thing that the engine does, played from the start of a run to
// where it is shown. semantics.md names stories in the cells of its table.
type story struct {
	name string
	play func(t *testing.T)
}

func stories() []story {
	var all []story
	for _, part := range [][]story{
		flowStories, gateStories, driftStories, guardStories, verifyStories, undoStories,
		handlerStories, voteStories, takeStories, earlyStories, retryStories, stopStories, doubtStories, recoveryStories, skipStories, lockStories, edgeStories, askStories, foundStories, closedStories, lateLockStories, foreachStories, callStories, undoTryStories, freezeStories, barStories, yieldStories, limitStories, lookStories,
	} {
		all = append(all, part...)
	}
	return all
}

func TestStories(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range stories() {
		if seen[s.name] {
			t.Errorf("two stories are called %q", s.name)
		}
		seen[s.name] = true
		t.Run(strings.ReplaceAll(s.name, " ", "_"), s.play)
	}
}

// Parts of runbooks.
const (
	gated      = "approve: {of: [{role: ops, for: 5m}, {role: lead, for: 5m}]}"
	verified   = "verify: {uses: world.health, until: result.ok, for: 2s, within: 20s}"
	unverified = `verify: {none: a test, owner: t, last_day: "2026-12-31"}`
	undoSet    = "undo: {uses: world.set}"
	undoBump   = "undo: {uses: world.unbump}"
	undoNone   = "undo: {none: a test}"
	guarded    = "guard: {uses: world.read, with: {key: g}, that: result.value == 0}"
	longWait   = "\n  - if: run.id != \"\"\n    wait: 2m" // nobody can tell before that a timeout is shorter
	noted      = "\n  - set: {after: 1}"
)

// step is one entry of a list of steps: its head, and more lines.
func step(head string, lines ...string) string {
	return "\n  - " + strings.Join(append([]string{head}, lines...), "\n    ")
}

// set and bump are gated mutations without a verify, undone by their own.
func set(id string, lines ...string) string {
	return step("id: "+id, append([]string{"uses: world.set", "with: {key: " + id + ", value: 7}", undoSet}, lines...)...)
}

func bump(id string, lines ...string) string {
	return step("id: "+id, append([]string{"uses: world.bump", "with: {key: " + id + "}", undoBump}, lines...)...)
}

func once(id string, lines ...string) string {
	return step("id: "+id, append([]string{"uses: world.once", "with: {key: " + id + "}", undoNone}, lines...)...)
}

func late(id string, lines ...string) string {
	return step("id: "+id, append([]string{"uses: world.late", "with: {key: " + id + "}", undoBump}, lines...)...)
}

func read(id string, lines ...string) string {
	return step("id: "+id, append([]string{"uses: world.read", "with: {key: " + id + "}"}, lines...)...)
}

// group and side hold steps, one after the other and side by side.
func group(id, members string, lines ...string) string { return around("steps", id, members, lines) }
func side(id, members string, lines ...string) string  { return around("parallel", id, members, lines) }

func around(kind, id, members string, lines []string) string {
	lines = append([]string{kind + ":" + strings.ReplaceAll(members, "\n", "\n    ")}, lines...)
	return step("id: "+id, lines...)
}

// book is a runbook of these steps.
func book(steps ...string) string { return "steps:" + strings.Join(steps, "") }

func play(t *testing.T, src string) *enginetest.Play {
	t.Helper()
	return enginetest.NewPlay(t, src)
}
