package diagnose

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var autovacuumWraparound = cause{
	id: capability.AutovacuumOrWraparound, layer: capability.Sessions,
	text:  "An autovacuum holds a lock that others wait for; against wraparound it does not give way.",
	signs: "Sessions wait for locks, and an autovacuum worker is in front of them.",
	unlike: []lookAlike{
		{capability.LockBlocking, "a client's session is in front"},
	},
	judge: judgeAutovacuum,
}

func judgeAutovacuum(v *view) *claim {
	switch {
	case !v.database:
		return notBecause("the sessions could not be read")
	case v.databaseStandsIn && (v.standstill() || v.allAtWork() && v.pool && v.nothingEnds()) && whole(v.in.Pool.Database.Exclusive) > 0:
		// A DDL waits or works, and exporters do not say who is in front of it.
		c := &claim{actions: []capability.Remedy{letItFinish("the autovacuum, if there is one")}}
		c.thenf("a DDL shuts everybody out, or waits to")
		c.speaksFor(0.3, v.states("queries that end"))
		return c
	case !v.standstill():
		return notBecause("%.0f of %.0f sessions wait for a lock", v.locked, v.sessions)
	}
	root, ddl := v.rootOfLocks(), v.queuedDDL()
	if root == nil || root.Kind != "autovacuum" {
		return notBecause("no autovacuum is in front of those who wait")
	}
	c := &claim{}
	c.thenf("pid %d, an autovacuum, holds a lock", root.Pid)
	if wraparound(root) {
		c.variant = "wraparound"
	}
	if ddl != nil {
		c.thenf("pid %d, a DDL, waits for it and blocks %d", ddl.Pid, ddl.Blocks)
		c.actions = append(c.actions, endSessions("cancel_ddl", "cancel", fmt.Sprintf("pid %d", ddl.Pid), capability.LowRisk,
			fmt.Sprintf("select pg_cancel_backend(%d): the DDL has done nothing yet, and all behind it go on.", ddl.Pid)))
	}
	c.thenf("%.0f sessions wait for locks", v.locked)
	c.speaksFor(0.4, v.lockWaits())
	c.speaksFor(0.45, observation{
		source: database, query: fmt.Sprintf("select pid, backend_type, query from pg_stat_activity where pid = %d; select datname, age(datfrozenxid) from pg_database", root.Pid), at: v.databaseAt(),
		observed: fmt.Sprintf("pid %d is in front of %d sessions: %s", root.Pid, root.Blocks, root.Query), expected: "an autovacuum that gives way",
	})
	if v.pool && (v.queued() || v.full()) {
		c.speaksFor(0.1, v.poolUsed())
	}
	c.actions = append(c.actions, letItFinish(fmt.Sprintf("pid %d", root.Pid)))
	return c
}

func letItFinish(target string) capability.Remedy {
	return byHand("let_it_finish", target, capability.HighRisk,
		"Never end a vacuum against wraparound: it must be done before the server refuses writes. Stop what waits for it, such as DDL, and give it more I/O.")
}
