package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var pgbouncerPool = cause{
	id: capability.PgbouncerPoolTooSmall, layer: capability.Pooler,
	text:  "The pooler has too few server connections for the work that comes, while the server has slots.",
	signs: "Clients wait at the pooler, its server connections are all in use, each for no longer than before, and the server has slots free.",
	unlike: []lookAlike{
		{capability.SlowQuery, "queries take longer on the server"},
		{capability.PgbouncerMaxClientConn, "clients are refused, and do not wait"},
		{capability.TrafficSpike, "more comes, and the pooler is as large as before"},
		{capability.IdleInTransaction, "server connections are kept by old transactions"},
	},
	judge: judgePoolerPool,
}

func judgePoolerPool(v *view) *claim {
	p := v.pooler
	switch {
	case !p.present:
		return v.poolerUnseen()
	case !p.queued():
		return notBecause("nobody waits at the pooler")
	case p.paused():
		return notBecause("the pooler is paused or disabled, not too small")
	case !p.poolFull():
		return notBecause("%d of %d server connections of the pooler are in use", p.busiest.ServersActive, p.size())
	case v.standstill():
		return notBecause("%.0f of %.0f sessions wait for locks", v.locked, v.sessions)
	case v.stuckInTransaction():
		return notBecause("%d old transactions keep the server connections", v.inTx.Count)
	case v.refused():
		return notBecause("the server itself has no slot left")
	}
	slower := p.slower()
	onServer := math.Max(v.active.P50S, v.inTx.P50S)
	if v.database && v.active.P50S >= 2*v.usualQuery() {
		return notBecause("on the server half of the queries take longer than %s", seconds(v.active.P50S))
	}
	if !finite(slower) && v.workGrew() >= 2 {
		return notBecause("on the server a transaction keeps its session %.1f times as long as before", v.workGrew())
	}
	c := &claim{}
	c.thenf("pooler %d/%d server connections", p.busiest.ServersActive, p.size())
	c.thenf("%d clients wait there", p.busiest.Waiting)
	c.speaksFor(0.55, v.poolerQueue())
	if finite(slower) {
		c.weigh(slower < 1.5, 0.2, 0.3, observation{
			source: pooler, query: "SHOW STATS", at: v.poolerAt(),
			observed: fmt.Sprintf("a transaction holds its server connection for %s, was %s", seconds(*p.now.TransactionS), seconds(*p.before.TransactionS)),
			expected: "as before: it is their number that is short",
		})
	}
	if v.database {
		c.weigh(v.in.Database.Free > 0 && onServer < v.usualQuery(), 0.25, 0.15, observation{
			source: database, query: sessionsSQL + "; show max_connections", at: v.databaseAt(),
			observed: fmt.Sprintf("%d of %.0f slots free, half of the sessions at work for less than %s", v.in.Database.Free, v.usable, seconds(onServer)),
			expected: "slots free and short work: the server is not what is short",
		})
	}
	if v.pool && v.queued() {
		c.speaksFor(0.1, v.poolUsed())
	}
	if f := v.pressure(); f.demand > 1 {
		c.speaksAgainst(0.15, v.firstAttempts())
	}
	if p.busier() {
		c.speaksAgainst(0.4, v.throughPooler())
	}
	if change := v.changeTo(poolerSize, loweredTo(float64(p.size()))); change != nil {
		c.blame(change, 0.15, "the size that the pooler has now")
		c.actions = append(c.actions, revertChange(change, ", and reload the pooler."))
	}
	c.actions = append(c.actions, poolerPoolActions()...)
	return c
}

// poolerUnseen is what the service shows of a pooler that nobody reads: a query
// that waits there looks like one that is slow.
func (v *view) poolerUnseen() *claim {
	if v.database || !v.full() || v.nothingEnds() || v.demandWeighsMore() || !v.takesLonger() {
		return notBecause("there is no pooler, or it could not be read")
	}
	c := &claim{actions: poolerPoolActions()}
	c.thenf("queries wait at a pooler, if there is one")
	c.speaksFor(0.2, v.times())
	return c
}

func poolerPoolActions() []capability.Remedy {
	return []capability.Remedy{{
		ID: "enlarge_pooler", Kind: "scale", Action: resizeAction, Target: "pool_size",
		Risk: capability.MediumRisk, Reversible: true, Approval: capability.OneClick,
		Text:   "Raise default_pool_size within the server's free slots: it holds at once, and moves the load to the server.",
		Guards: []string{"sum_pools_le_usable", "db_cpu_lt_80"}, Verify: afterwards("clients_waiting_eq_0"),
	}, shedBacklog()}
}
