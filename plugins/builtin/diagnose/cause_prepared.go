package diagnose

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var preparedTransaction = cause{
	id: capability.PreparedTransaction, layer: capability.Sessions,
	text:  "A prepared transaction holds locks, and no session of the server owns it any more.",
	signs: "Sessions wait for locks, the one in front has pid 0, and pg_prepared_xacts has a row.",
	unlike: []lookAlike{
		{capability.LockBlocking, "a session is in front"},
	},
	judge: judgePrepared,
}

func judgePrepared(v *view) *claim {
	switch {
	case v.noPrepared():
		return notBecause("the server takes none: max_prepared_transactions is 0")
	case v.databaseStandsIn && v.standstill():
		c := &claim{actions: preparedActions("the prepared transaction")}
		c.thenf("%.0f sessions wait for locks, and nobody says who is in front", v.locked)
		c.speaksFor(0.4, v.lockWaits())
		if v.nobodyInFront() {
			c.speaksFor(0.15, v.onlyWaiting())
		}
		return c
	case v.databaseStandsIn && v.allAtWork() && v.pool && v.nothingEnds(): // not all exporters say what is waited for
		c := &claim{actions: preparedActions("the prepared transaction")}
		c.thenf("queries do not end")
		c.speaksFor(0.4, v.states("queries that end"))
		if v.nobodyInFront() {
			c.speaksFor(0.15, v.onlyWaiting())
		}
		return c
	case !v.database:
		if !v.nothingEnds() || v.doneShare() >= 0.75 {
			return notBecause("the sessions could not be read")
		}
		c := &claim{actions: preparedActions("the prepared transaction")}
		c.thenf("queries do not end")
		c.speaksFor(0.4, v.unexplained())
		return c
	case len(v.in.Database.Prepared) == 0 && !v.behindPrepared():
		return notBecause("there is no prepared transaction")
	case !v.standstill():
		return notBecause("nobody waits for it: %.0f of %.0f sessions wait for a lock", v.locked, v.sessions)
	case !v.behindPrepared():
		return notBecause("a session is in front of those who wait, not a prepared transaction")
	}
	c := &claim{}
	target := "the prepared transaction"
	if len(v.in.Database.Prepared) > 0 {
		p := v.in.Database.Prepared[0]
		target = p.GID
		c.thenf("prepared transaction %s of %s, %s old", p.GID, p.Owner, seconds(p.AgeS))
		c.speaksFor(0.25, observation{
			source: database, query: "select gid, owner, now() - prepared as age from pg_prepared_xacts order by prepared", at: v.databaseAt(),
			observed: fmt.Sprintf("%s of %s, prepared %s ago", p.GID, p.Owner, seconds(p.AgeS)), expected: "none, or none older than a moment",
		})
	}
	c.thenf("%.0f sessions wait for locks", v.locked)
	c.speaksFor(0.3, v.lockWaits())
	c.speaksFor(0.3, observation{
		source: database, query: "select pid, pg_blocking_pids(pid) from pg_stat_activity where wait_event_type = 'Lock'", at: v.databaseAt(),
		observed: "pid 0 is in front of them: no session, but a prepared transaction", expected: "nobody in front",
	})
	if v.pool && (v.queued() || v.full()) {
		c.speaksFor(0.1, v.poolUsed())
	}
	c.actions = preparedActions(target)
	return c
}

// noPrepared says that the server takes no prepared transactions, as an exporter
// says; few servers do.
func (v *view) noPrepared() bool {
	return v.databaseStandsIn && whole(v.in.Pool.Database.Prepared) == 0
}

func preparedActions(target string) []capability.Remedy {
	return []capability.Remedy{
		byHand("ask_coordinator", target, capability.HighRisk,
			"Ask the transaction's coordinator whether to commit or roll it back: ending it on a guess may break what other databases have done."),
		byHand("rollback_prepared", target, capability.HighRisk,
			"Only when the coordinator is lost for good: ROLLBACK PREPARED '"+target+"'."),
	}
}
