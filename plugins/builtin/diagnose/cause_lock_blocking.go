package diagnose

import (
	"fmt"
	"math"
	"slices"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// judgeLockBlocking: a good part of the sessions waits for a lock, and
// somebody is in front. Told apart from slow queries by what is waited for;
// from a prepared transaction by a root that is a session. In a DDL convoy the
// root is an innocent reader, and one blocked DDL behind it blocks all others:
// both are reported.
func judgeLockBlocking(v *view) *claim {
	const cause = capability.LockBlocking
	if !v.database {
		return notBecause(cause, "the sessions could not be read")
	}
	if v.locked < math.Max(2, 0.2*v.sessions) {
		return notBecause(cause, "%.0f of %.0f sessions wait for a lock", v.locked, v.sessions)
	}
	root, ddl := v.rootOfLocks(), v.queuedDDL()
	if root == nil {
		if v.behindPrepared() {
			return notBecause(cause, "the lock is held by a prepared transaction, not by a session")
		}
		return notBecause(cause, "%.0f sessions wait for locks, and nobody is in front any more", v.locked)
	}

	c := &claim{cause: cause}
	c.thenf("pid %d holds a lock (%s, %s)", root.Pid, root.State, root.Kind)
	if ddl != nil {
		c.variant = "ddl_convoy"
		c.thenf("pid %d, a DDL, waits for it and blocks %d", ddl.Pid, ddl.Blocks)
	}
	c.thenf("%.0f sessions wait for locks", v.locked)
	c.speaksFor(0.5, observation{
		source: database, at: &v.in.Database.ObservedAt,
		query:    "select wait_event, count(*) from pg_stat_activity where wait_event_type = 'Lock' group by 1",
		observed: fmt.Sprintf("%.0f of %.0f sessions wait for locks", v.locked, v.sessions), expected: "less than a fifth",
	})
	c.speaksFor(0.35, observation{
		source: database, at: &v.in.Database.ObservedAt,
		query:    fmt.Sprintf("select pid, pg_blocking_pids(pid), left(query, 80) from pg_stat_activity where pid = %d or %d = any(pg_blocking_pids(pid))", root.Pid, root.Pid),
		observed: fmt.Sprintf("pid %d (%s) is in front of %d sessions: %s", root.Pid, root.State, root.Blocks, root.Query), expected: "nobody in front of so many",
	})
	if v.pool && (v.queued() || v.full()) {
		c.thenf("pool %.0f/%.0f", v.acquired, v.max)
		c.speaksFor(0.1, observation{
			source: metrics, query: "metrics.pool: now.acquired, now.waiting, now.hold_s", at: &v.in.Pool.ObservedAt,
			observed: fmt.Sprintf("%.0f of %.0f connections in use, %.0f requests wait", v.acquired, v.max, zeroIfNaN(v.waiting)), expected: "connections left, and nobody waits",
		})
	}
	if ddl != nil {
		c.actions = append(c.actions, capability.Remedy{
			ID: "cancel_ddl", Kind: "cancel", Target: fmt.Sprintf("pid %d", ddl.Pid), Risk: capability.LowRisk,
			Text:   fmt.Sprintf("select pg_cancel_backend(%d): the DDL has done nothing yet, and all behind it go on.", ddl.Pid),
			Guards: []string{"backend_start_unchanged"},
		})
	}
	c.actions = append(c.actions, capability.Remedy{
		ID: "terminate_root", Kind: "terminate", Target: fmt.Sprintf("pid %d", root.Pid), Risk: capability.MediumRisk,
		Text:   fmt.Sprintf("select pg_terminate_backend(%d), where its backend_start still is %s: its work is rolled back.", root.Pid, root.BackendStart.UTC().Format("2006-01-02 15:04:05.000000Z07:00")),
		Guards: []string{"backend_start_unchanged", "no_superuser_or_backup"},
	})
	return c
}

// rootOfLocks is the session in front of most others, itself waiting for
// nobody.
func (v *view) rootOfLocks() *capability.Blocking {
	var root *capability.Blocking
	for i, b := range v.in.Database.Blocking {
		if len(b.BlockedBy) == 0 && b.Blocks > 0 && (root == nil || b.Blocks > root.Blocks) {
			root = &v.in.Database.Blocking[i]
		}
	}
	return root
}

// queuedDDL is a DDL that waits and holds up others.
func (v *view) queuedDDL() *capability.Blocking {
	for i, b := range v.in.Database.Blocking {
		if b.Kind == "ddl" && len(b.BlockedBy) > 0 && b.Blocks > 0 {
			return &v.in.Database.Blocking[i]
		}
	}
	return nil
}

func (v *view) behindPrepared() bool {
	for _, b := range v.in.Database.Blocking {
		if slices.Contains(b.BlockedBy, 0) {
			return true
		}
	}
	return false
}
