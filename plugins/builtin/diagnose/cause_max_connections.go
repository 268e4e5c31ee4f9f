package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// recentStart is how long before the trouble a restart counts as what brought
// a smaller limit about.
const recentStart = time.Hour

// judgeMaxConnections: the server has no slot left, the service holds them,
// and the limit was lowered. Told apart from a limit of the role or database
// by the server's words, from another client by who holds the slots, and from
// too many replicas by signs that it is the limit that moved.
func judgeMaxConnections(v *view) *claim {
	const cause = capability.DBMaxConnectionsTooLow
	switch {
	case !v.database:
		return notBecause(cause, "the server could not be read")
	case !v.refused():
		return notBecause(cause, "%d of %.0f slots are free", v.in.Database.Free, v.usable)
	}
	d := v.in.Database
	if text := d.Connect.Text; strings.Contains(text, "for role") || strings.Contains(text, "for database") {
		return notBecause(cause, "the server names a narrower limit: %s", text)
	}
	if other := v.otherClient(); other != nil {
		return notBecause(cause, "%s %s holds %d of %d slots", other.User, other.Application, other.Count, d.Used)
	}

	if v.maxBefore < v.max {
		return notBecause(cause, "the pools grew from %.0f to %.0f connections", v.maxBefore, v.max)
	}

	c := &claim{cause: cause}
	c.thenf("max_connections %d", d.Limits.Max)
	c.thenf("postgres slots %d/%.0f", d.Used, v.usable)
	c.speaksFor(0.35, observation{
		source: database, at: &d.ObservedAt,
		query:    "select count(*) from pg_stat_activity where backend_type = 'client backend'; show max_connections",
		observed: fmt.Sprintf("%d of %.0f slots in use; a fresh connection: %s", d.Used, v.usable, connectWords(d.Connect)), expected: "slots free",
	})
	c.restartedOfLate(v)
	if v.pool {
		o := observation{
			source: metrics, query: "metrics.pool: now.acquired, now.max", at: &v.in.Pool.ObservedAt,
			observed: fmt.Sprintf("the pools have %.0f of %.0f connections in use", v.acquired, v.max), expected: "pools that fit into the server",
		}
		if !v.full() || v.max > v.usable {
			c.speaksFor(0.25, o)
		} else {
			c.speaksAgainst(0.15, o)
		}
	}
	for _, change := range v.newest() {
		before, ok1 := change.Before.Number()
		after, ok2 := change.After.Number()
		if ok1 && ok2 && after < before && serverLimit.MatchString(change.Setting) && int(after) == d.Limits.Max && v.precedes(change) {
			c.change, c.variant = &change, "config_change"
			c.speaksFor(0.3, changeObservation(change, "the limit that the server has now"))
			break
		}
	}
	c.actions = []capability.Remedy{
		{
			ID: "cap_pools", Kind: "scale", Target: appPool, Risk: capability.LowRisk, Reversible: true,
			Text: fmt.Sprintf("Lower the pools now, so that all together stay below the %.0f slots: refused connections cost more than waiting.", v.usable),
		},
		{
			ID: "raise_limit", Kind: "manual", Target: "max_connections", Risk: capability.HighRisk, Reversible: true,
			Text: "Raise max_connections at a planned restart, standbys first; a restart is an outage of its own.",
		},
	}
	return c
}

// restartedOfLate adds what says that the limit moved: it takes a restart.
func (c *claim) restartedOfLate(v *view) {
	d := v.in.Database
	began := d.ObservedAt
	if v.in.Pool != nil && v.in.Pool.Onset != nil {
		began = *v.in.Pool.Onset
	}
	since := began.Sub(d.StartedAt)
	// Where a baseline is older than the start, the limit of then is not
	// known to be that of now; where it is younger, it was the same.
	sameAsBefore := v.baseline && d.StartedAt.Before(v.in.Pool.Baseline.From)
	o := observation{
		source: database, at: &d.StartedAt, query: "select pg_postmaster_start_time(); select name, setting, pending_restart from pg_settings where name = 'max_connections'",
		observed: "the server started at " + d.StartedAt.UTC().Format(time.RFC3339), expected: "a limit changes only at a restart",
	}
	switch {
	case sameAsBefore && !d.Limits.PendingRestart:
		o.observed += ", before the baseline"
		c.speaksAgainst(0.3, o)
	case !d.StartedAt.IsZero() && since > -time.Minute && since < recentStart:
		c.variant = "restarted"
		c.speaksFor(0.35, o)
	case d.Limits.PendingRestart:
		o.observed += "; a changed limit waits for a restart"
		c.speaksFor(0.1, o)
	default:
		c.speaksAgainst(0.2, o)
	}
}

// otherClient is a client that is not the service's main one and holds a good
// part of the slots.
func (v *view) otherClient() *capability.Client {
	clients := v.in.Database.Clients
	for i := range clients {
		same := clients[i].User == clients[0].User && clients[i].Application == clients[0].Application
		if i > 0 && !same && float64(clients[i].Count) >= 0.3*float64(v.in.Database.Used) {
			return &clients[i]
		}
	}
	return nil
}

func connectWords(c capability.Connect) string {
	if c.OK {
		return "ok"
	}
	return strings.TrimSpace(c.SQLState + " " + c.Text)
}
