package diagnose

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var lockBlocking = cause{
	id: capability.LockBlocking, layer: capability.Sessions,
	text:  "Sessions wait for a lock that another one holds; in a convoy a queued DDL holds up all that come after it.",
	signs: "A fifth of the sessions and more waits for locks, and a session is in front of them. Of a convoy both are named: the root, who may be an innocent reader, and the DDL.",
	unlike: []lookAlike{
		{capability.SlowQuery, "the sessions work, and wait for no lock"},
		{capability.PreparedTransaction, "a prepared transaction is in front: pid 0"},
		{capability.AutovacuumOrWraparound, "an autovacuum is in front"},
		{capability.IdleInTransaction, "nobody waits for those who sit idle"},
	},
	judge: judgeLockBlocking,
}

func judgeLockBlocking(v *view) *claim {
	if !v.database {
		return v.lockUnread()
	}
	if v.databaseStandsIn {
		return v.lockExported()
	}
	if !v.standstill() {
		return notBecause("%.0f of %.0f sessions wait for a lock", v.locked, v.sessions)
	}
	root, ddl := v.rootOfLocks(), v.queuedDDL()
	switch {
	case root == nil && v.behindPrepared():
		return notBecause("the lock is held by a prepared transaction, not by a session")
	case root == nil:
		return notBecause("%.0f sessions wait for locks, and nobody is in front any more", v.locked)
	case root.Kind == "autovacuum":
		return notBecause("an autovacuum is in front: pid %d", root.Pid)
	case v.leftOpen(root):
		return notBecause("those in front are some of %d transactions that were left open", v.inTx.Count)
	}

	c := &claim{}
	c.thenf("pid %d holds a lock (%s, %s)", root.Pid, root.State, root.Kind)
	if ddl != nil {
		c.variant = "ddl_convoy"
		c.thenf("pid %d, a DDL, waits for it and blocks %d", ddl.Pid, ddl.Blocks)
	}
	c.thenf("%.0f sessions wait for locks", v.locked)
	c.speaksFor(0.5, v.lockWaits())
	c.speaksFor(0.35, observation{
		source: database, at: v.databaseAt(),
		query:    fmt.Sprintf("select pid, pg_blocking_pids(pid), left(query, 80) from pg_stat_activity where pid = %d or %d = any(pg_blocking_pids(pid))", root.Pid, root.Pid),
		observed: fmt.Sprintf("pid %d (%s) is in front of %d sessions: %s", root.Pid, root.State, root.Blocks, root.Query), expected: "nobody in front of so many",
	})
	if v.pool && (v.queued() || v.full()) {
		c.speaksFor(0.1, v.poolUsed())
	} else if v.pooler.queued() {
		c.speaksFor(0.1, v.poolerQueue())
	}
	c.actions = lockActions(root, ddl)
	return c
}

// lockUnread is what the service shows of a lock: its queries do not end.
func (v *view) lockUnread() *claim {
	switch {
	case !v.pool || !v.full() || !v.stuck():
		return notBecause("the sessions could not be read, and finished work explains the connections in use")
	case v.doneShare() >= 0.75:
		return notBecause("the sessions could not be read, and %d of %.0f connections in use have run their queries", *v.in.Pool.HeldDone, v.now.acquired)
	}
	c := &claim{actions: lockActions(nil, nil)}
	c.thenf("queries do not end")
	switch {
	case v.nothingEnds():
		c.speaksFor(0.5, v.unexplained())
	case v.doneShare() < 0.4:
		weight := 0.4
		if v.now.releases >= 0.3*v.before.releases && !v.someGoOn() {
			weight = 0.3 // a good part goes on, and slow ones may end yet
		}
		c.speaksFor(weight, v.unexplained())
		c.speaksFor(0.1, v.heldAfter())
	default:
		c.speaksFor(0.25, v.unexplained())
	}
	if v.now.connects >= 2+2*zeroIfNaN(v.before.connects) && v.failing() && !v.nothingEnds() {
		c.speaksFor(0.2, observation{
			source: metrics, query: "metrics.pool: now.connects_rps", at: v.poolAt(),
			observed: fmt.Sprintf("%.0f connections opened per second: those in use are given up", v.now.connects), expected: "next to none",
		})
	}
	if v.met(lockErrors) > 0 {
		c.speaksFor(0.3, v.errorsMet(lockErrors))
	}
	return c
}

// lockExported is what an exporter says of locks: how many wait, and not who is
// in front; or, where it does not say that either, that there are such locks.
func (v *view) lockExported() *claim {
	exclusive := whole(v.in.Pool.Database.Exclusive)
	waits := v.allAtWork() && v.pool && v.full() && v.stuck()
	c := &claim{actions: lockActions(nil, nil)}
	switch {
	case v.standstill():
		c.thenf("%.0f sessions wait for locks", v.locked)
		c.speaksFor(0.5, v.lockWaits())
	case waits && exclusive > 0:
		c.thenf("%.0f locks that shut everybody out, %d sessions active for up to %s", exclusive, v.active.Count, seconds(v.active.OldestS))
		c.speaksFor(0.55, observation{
			source: database, query: locksSQL, at: v.databaseAt(),
			observed: fmt.Sprintf("%.0f locks in mode AccessExclusiveLock, %d of %.0f sessions active, the oldest for %s", exclusive, v.active.Count, v.sessions, seconds(v.active.OldestS)),
			expected: "no such lock for longer than a moment",
		})
	case waits && v.nothingEnds():
		c.speaksFor(0.3, v.states("queries that end"))
	default:
		return notBecause("%.0f of %.0f sessions wait for a lock", v.locked, v.sessions)
	}
	if v.pool && (v.queued() || v.full()) {
		c.speaksFor(0.2, v.poolUsed())
	}
	if v.nobodyInFront() && !v.noPrepared() {
		c.speaksAgainst(math.Max(0.1, c.weight-0.45), v.onlyWaiting()) // but one of those may be in front of the others
	}
	return c
}

// nobodyInFront says that no session can be the one in front, by what an exporter
// counts: all those that do not rest are the service's own, and wait. Whoever
// holds what they wait for has no session.
func (v *view) nobodyInFront() bool {
	if !v.databaseStandsIn || !v.pool || v.pooler.present || !v.nothingEnds() || v.inTx.Count > 0 || whole(v.in.Pool.Database.Exclusive) > 0 {
		return false
	}
	return float64(v.active.Count) <= v.now.acquired && (v.locked == 0 && v.allAtWork() || v.locked >= float64(v.active.Count))
}

// onlyWaiting is that.
func (v *view) onlyWaiting() observation {
	return observation{
		source: database, query: sessionsSQL, at: v.databaseAt(),
		observed: fmt.Sprintf("%d sessions active, %d idle in transaction, and the pools have %.0f connections in use, of which none ends: no other session holds what they wait for", v.active.Count, v.inTx.Count, v.now.acquired),
		expected: "a session in front of those that wait",
	}
}

// allAtWork says that most sessions have been at their queries for longer than a
// moment, whatever they may wait for.
func (v *view) allAtWork() bool {
	return float64(v.active.Count) >= 0.7*v.sessions && v.active.OldestS >= 1
}

func lockActions(root, ddl *capability.Blocking) []capability.Remedy {
	var out []capability.Remedy
	if ddl != nil {
		out = append(out, endSessions("cancel_ddl", "cancel", fmt.Sprintf("pid %d", ddl.Pid), capability.LowRisk,
			fmt.Sprintf("select pg_cancel_backend(%d): the DDL has done nothing yet, and all behind it go on. The runbook lock-convoy does it.", ddl.Pid)))
	}
	target, text := "the root of the blocking tree", "Terminate it by pid and backend_start: its work is rolled back."
	if root != nil {
		target = fmt.Sprintf("pid %d", root.Pid)
		text = fmt.Sprintf("select pg_terminate_backend(%d), where its backend_start still is %s: its work is rolled back.", root.Pid, root.BackendStart.UTC().Format("2006-01-02 15:04:05.000000Z07:00"))
	}
	return append(out, endSessions("terminate_root", "terminate", target, capability.MediumRisk, text, "no_superuser_or_backup"))
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
		if (b.Kind == "ddl" || b.Kind == "lock") && len(b.BlockedBy) > 0 && b.Blocks > 0 {
			return &v.in.Database.Blocking[i]
		}
	}
	return nil
}

// leftOpen says that who is in front is one of many of its like that have their
// transactions open and do nothing: that they are in the way of others, too, is
// what comes of it.
func (v *view) leftOpen(root *capability.Blocking) bool {
	return root != nil && strings.HasPrefix(root.State, inTransaction) && v.inTx.Count >= 3 && v.stuckInTransaction() && v.queuedDDL() == nil
}

func (v *view) behindPrepared() bool {
	return slices.ContainsFunc(v.in.Database.Blocking, func(b capability.Blocking) bool { return slices.Contains(b.BlockedBy, 0) })
}

// wraparound says that an autovacuum is of the kind that must not be ended.
func wraparound(b *capability.Blocking) bool {
	return strings.Contains(b.Query, "wraparound")
}
