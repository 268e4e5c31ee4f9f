package diagnose

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var replicasTimesPool = cause{
	id: capability.ReplicasTimesPool, layer: capability.ServerSlots,
	text:  "The pools of all replicas together may open more connections than the server has slots.",
	signs: "No slot is free, the service holds them, and replicas times pool is more than the server takes; the pools grew, the limit did not move.",
	unlike: []lookAlike{
		{capability.DBMaxConnectionsTooLow, "the limit was lowered, and the pools are as before"},
		{capability.NoisyClient, "another program holds the slots"},
		{capability.ConnectionStorm, "the connections are in no pool"},
	},
	judge: judgeReplicas,
}

func judgeReplicas(v *view) *claim {
	if !v.pool {
		if v.database && v.slotsShort() && v.other() == nil && !v.restarted() && !v.beginsOften() && v.more() >= 1.2 {
			c := &claim{actions: replicasActions(v)}
			c.thenf("%.0f sessions of the service, were %.0f", v.sessions, whole(v.usual().Sessions))
			c.speaksFor(0.3, v.slots())
			c.speaksFor(0.35, v.past("as many sessions as before"))
			return c
		}
		if v.database && v.slotsShort() && v.other() == nil && !v.restarted() && v.addresses() >= 2 {
			c := &claim{actions: replicasActions(v)}
			c.speaksFor(0.45, v.slots())
			return c
		}
		return notBecause("there are no figures of the pools")
	}
	grew := v.wholeMax() / v.before.max
	if !v.database {
		if (v.cannotOpen() || v.turnedAway() && v.failing()) && v.morePools() {
			c := &claim{actions: replicasActions(v)}
			c.thenf("pools %.0f → %.0f connections", v.before.max, v.wholeMax())
			c.speaksFor(0.4, v.notOpening())
			c.speaksFor(0.3, v.poolsGrew())
			if v.met(slotErrors) > 0 {
				c.speaksFor(0.1, v.errorsMet(slotErrors))
			}
			return c
		}
		return notBecause("the server could not be read, and the pools are as before")
	}
	switch {
	case !v.slotsShort():
		return notBecause("%d of %.0f slots are free", v.in.Database.Free, v.usable)
	case v.wholeMax() <= v.usable:
		return notBecause("the pools, %.0f connections, fit into the %.0f slots", v.wholeMax(), v.usable)
	case finite(grew) && grew < 1.05 && v.restarted():
		return notBecause("the pools are as before, and the server has started since")
	case v.limitReached() != nil && v.limitReached().words != "":
		return notBecause("the server names a narrower limit: %s", v.limitReached().words)
	}
	if other := v.other(); other != nil && !v.morePools() {
		return notBecause("%s holds %.0f of %d slots", other, other.count, v.in.Database.Used)
	}
	c := &claim{}
	replicas := len(v.in.Pool.Replicas) + len(v.in.Pool.Silent)
	c.thenf("%d replicas with %.0f connections, %.0f slots", replicas, v.wholeMax(), v.usable)
	c.speaksFor(0.3, v.slots())
	c.speaksFor(0.25, observation{
		source: metrics, query: "metrics.pool: replicas.max, silent", at: v.poolAt(),
		observed: fmt.Sprintf("%d replicas may open %.0f connections, and the server has %.0f slots", replicas, v.wholeMax(), v.usable),
		expected: "less than nine tenths of the slots",
	})
	switch {
	case grew >= 1.05:
		c.speaksFor(0.4, v.poolsGrew())
	case !v.restarted():
		weight := 0.1
		if !v.baseline {
			weight = 0.25
		}
		c.speaksFor(weight, observation{
			source: database, query: "select pg_postmaster_start_time()", at: v.databaseAt(),
			observed: "the server started at " + v.in.Database.StartedAt.UTC().Format("2006-01-02 15:04:05Z07:00") + ": its limit did not move of late",
			expected: "the same",
		})
	}
	change := v.changeTo(replicasLike, func(before, after float64) bool { return after > before && int(after) == replicas })
	if change == nil {
		change = v.changeTo(poolLike, func(before, after float64) bool { return after > before && v.isPoolSize(after, v.wholeMax()) })
	}
	if change != nil {
		c.blame(change, 0.1, fmt.Sprintf("the %d replicas and %.0f connections that there are", replicas, v.wholeMax()))
		c.actions = append(c.actions, revertChange(change, "."))
	}
	c.actions = append(c.actions, replicasActions(v)...)
	return c
}

// morePools says that the pools together became far larger.
func (v *view) morePools() bool { return v.wholeMax() >= 1.2*v.before.max }

func (v *view) poolsGrew() observation {
	return observation{
		source: metrics, query: "metrics.pool: baseline.max, now.max", at: v.poolAt(),
		observed: fmt.Sprintf("the pools may open %.0f connections, were %.0f", v.wholeMax(), v.before.max), expected: "as before",
	}
}

// addresses is from how many places the service's login connects.
func (v *view) addresses() int {
	seen := map[string]bool{}
	service := v.service(v.holders())
	for _, c := range v.in.Database.Clients {
		if c.User == service.user && program(c.Application) == service.application {
			seen[c.Address+" "+c.Application] = true
		}
	}
	return len(seen)
}

func replicasActions(v *view) []capability.Remedy {
	text := "Lower the pool of each replica, so that all together stay below the server's slots."
	if finite(v.usable) {
		text = fmt.Sprintf("Lower the pool of each replica, so that all together stay below nine tenths of the %.0f slots.", v.usable)
	}
	return []capability.Remedy{
		capPools(text),
		byHand("scale_in", "the replicas", capability.MediumRisk, "Run fewer replicas, if the others can carry the work."),
		byHand("pooler", "between service and server", capability.MediumRisk, "Put a pooler in between, so that replicas do not need slots of their own."),
	}
}
