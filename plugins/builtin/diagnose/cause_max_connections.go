package diagnose

import (
	"fmt"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// recentStart is how long before the trouble a restart counts as what brought
// a smaller limit about.
const recentStart = time.Hour

var maxConnections = cause{
	id: capability.DBMaxConnectionsTooLow, layer: capability.ServerSlots,
	text:  "The server's max_connections is too low for its clients, or was lowered.",
	signs: "No slot is free, the service holds them, its pools are as they were, and the server has started of late.",
	unlike: []lookAlike{
		{capability.ReplicasTimesPool, "the pools grew, and the limit is as before"},
		{capability.NoisyClient, "another program holds the slots"},
		{capability.RoleOrDBLimit, "the server names a narrower limit"},
		{capability.ConnectionStorm, "sessions come and go with each request"},
		{capability.FailoverOrWrongEndpoint, "the server is not up"},
	},
	judge: judgeMaxConnections,
}

// slotsShort says that the server's slots are what is short: none is left, or
// next to none while connections do not come about.
func (v *view) slotsShort() bool {
	return v.refused() || v.database && (v.cannotOpen() || v.failing()) && float64(v.in.Database.Free) <= max(2, 0.05*v.usable)
}

// limitFell says that the server takes fewer connections than it did.
func (v *view) limitFell() bool {
	return v.database && whole(v.usual().Max) > float64(v.in.Database.Limits.Max)
}

// limitNow is how many connections the server takes, and did.
func (v *view) limitNow() observation {
	return observation{
		source: database, query: "show max_connections", at: v.databaseAt(),
		observed: fmt.Sprintf("max_connections %d, was %.0f", v.in.Database.Limits.Max, whole(v.usual().Max)), expected: "as before",
	}
}

func judgeMaxConnections(v *view) *claim {
	switch {
	case !v.database:
		return v.maxConnectionsUnread()
	case !v.slotsShort():
		return notBecause("%d of %.0f slots are free", v.in.Database.Free, v.usable)
	case v.limitReached() != nil && v.limitReached().words != "":
		return notBecause("the server names a narrower limit: %s", v.limitReached().words)
	case v.pastPools():
		return notBecause("the service has %.0f sessions that no pool counts", v.outside())
	case v.before.max < 0.95*v.wholeMax():
		return notBecause("the pools grew from %.0f to %.0f connections", v.before.max, v.wholeMax())
	}
	if n := v.strangers(); n >= 0.3*float64(v.in.Database.Used) && !v.limitFell() {
		return notBecause("%.0f sessions are not the service's", n)
	}
	if other := v.other(); other != nil && !v.limitFell() {
		return notBecause("%s holds %.0f of %d slots", other, other.count, v.in.Database.Used)
	}
	d := v.in.Database
	c := &claim{}
	if v.limitFell() {
		c.thenf("max_connections %.0f → %d", whole(v.usual().Max), d.Limits.Max)
	} else {
		c.thenf("max_connections %d", d.Limits.Max)
	}
	c.thenf("postgres slots %d/%.0f", d.Used, v.usable)
	c.speaksFor(0.35, v.slots())
	c.restartedOfLate(v)
	if v.pool {
		o := v.poolUsed()
		o.expected = "pools that fit into the server"
		c.weigh(!v.full() || v.now.max > v.usable, 0.25, 0.15, o)
	}
	change := v.changeTo(serverLimit, loweredTo(float64(d.Limits.Max)))
	if change != nil {
		c.blame(change, 0.3, "the limit that the server has now")
	}
	c.actions = maxConnectionsActions(v)
	return c
}

// lostAll says that next to no connection was left for a moment, and some are now:
// the server restarted, or another one took its place.
func (v *view) lostAll() bool {
	return v.in.Pool != nil && whole(v.in.Pool.Fewest) <= 0.1*v.before.acquired && v.before.acquired >= 3 && v.now.acquired+zeroIfNaN(v.idle) >= 2
}

// maxConnectionsUnread is what the service and refused logins show of it.
func (v *view) maxConnectionsUnread() *claim {
	switch {
	case !v.turnedAway() && !v.cannotOpen():
		return notBecause("the server could not be read")
	case v.pooler.clientsFull() || v.met(poolerErrors) > 0:
		return notBecause("the pooler refuses them")
	case v.met(socketErrors) > 0:
		return notBecause("the service's own machine refuses connections")
	case v.unreachable():
		return notBecause("nobody answers there: %s", v.refusal.Text)
	case v.named() != "":
		return notBecause("the server names a narrower limit: that of the %s", v.named())
	case v.morePools():
		return notBecause("the pools grew from %.0f to %.0f connections", v.before.max, v.wholeMax())
	}
	c := &claim{actions: maxConnectionsActions(v)}
	c.thenf("the server has no slot left")
	if v.pool && v.cannotOpen() {
		weight := 0.3
		if v.refusedFast() {
			weight = 0.2
		}
		c.speaksFor(weight, v.notOpening())
	}
	if v.lostAll() {
		c.thenf("the server restarted")
		c.speaksFor(0.3, observation{
			source: metrics, query: "metrics.pool: fewest, baseline.acquired", at: v.poolAt(),
			observed: fmt.Sprintf("%d connections were open for a moment, and %.0f were in use before", *v.in.Pool.Fewest, v.before.acquired),
			expected: "a limit changes only at a restart, which leaves none",
		})
	}
	if v.refusal.SQLState == tooManyConnections {
		c.speaksFor(0.2, v.refusedLogin())
	}
	if v.exporterOut() {
		c.speaksFor(0.15, observation{
			source: exporter, query: "pg_up", at: v.poolAt(),
			observed: "the server's exporter is up and not let in", expected: "pg_up 1",
		})
	}
	if v.met(slotErrors) > 0 {
		weight := 0.1
		if v.met(awayErrors) > 0 {
			weight = 0.35 // a limit changes only at a restart, and there was one
		}
		c.speaksFor(weight, v.errorsMet(append(awayErrors, slotErrors...)))
	}
	return c
}

func maxConnectionsActions(v *view) []capability.Remedy {
	text := "Lower the pools now, so that all together stay below the server's slots: refused connections cost more than waiting."
	if finite(v.usable) {
		text = fmt.Sprintf("Lower the pools now, so that all together stay below the %.0f slots: refused connections cost more than waiting.", v.usable)
	}
	limit := byHand("raise_limit", "max_connections", capability.HighRisk,
		"Raise max_connections at a planned restart, standbys first; a restart is an outage of its own.")
	limit.Reversible = true
	return []capability.Remedy{capPools(text), limit}
}

func capPools(text string) capability.Remedy {
	return capability.Remedy{
		ID: "cap_pools", Kind: "scale", Target: appPool, Risk: capability.LowRisk, Reversible: true, Approval: capability.OneClick,
		Text: text, Verify: afterwards("free_slots_ge_20pct"),
	}
}

// restartedOfLate adds what says that the limit moved: it takes a restart.
func (c *claim) restartedOfLate(v *view) {
	d := v.in.Database
	since := v.onset().Sub(d.StartedAt)
	// Where a baseline is older than the start, the limit of then is not
	// known to be that of now; where it is younger, it was the same.
	u := v.usual()
	was := whole(u.Max)
	sameAsBefore := v.baseline && d.StartedAt.Before(v.in.Pool.Baseline.From) || was == float64(d.Limits.Max) && d.StartedAt.Before(u.From)
	if d.StartedAt.IsZero() {
		sameAsBefore = was == float64(d.Limits.Max)
	}
	o := observation{
		source: database, at: &d.StartedAt, query: startedSQL,
		observed: "the server started at " + d.StartedAt.UTC().Format(time.RFC3339), expected: "a limit changes only at a restart",
	}
	switch {
	case v.limitFell():
		c.variant = "restarted"
		c.speaksFor(0.45, v.limitNow())
	case sameAsBefore && !d.Limits.PendingRestart:
		o.observed += ", before the baseline"
		c.speaksAgainst(0.3, o)
	case !d.StartedAt.IsZero() && since > -time.Minute && since < recentStart:
		if c.variant == "" {
			c.variant = "restarted"
		}
		weight := 0.35
		if !v.baseline {
			weight = 0.2 // it may as well have been up before
		}
		c.speaksFor(weight, o)
	case d.Limits.PendingRestart:
		o.observed += "; a changed limit waits for a restart"
		c.speaksFor(0.1, o)
	default:
		c.speaksAgainst(0.2, o)
	}
}
