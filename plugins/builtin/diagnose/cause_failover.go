package diagnose

import (
	"fmt"
	"slices"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var movedAway = cause{
	id: capability.FailoverOrWrongEndpoint, layer: capability.Network,
	text:  "The server is going down, coming up, has changed places, or is not the one that takes writes.",
	signs: "Connecting fails in the server's words for a shutdown, a start or a standby, or nobody listens; the server has just started.",
	unlike: []lookAlike{
		{capability.DBMaxConnectionsTooLow, "the server is up, and its slots are used up"},
		{capability.SlowConnectAuth, "connecting is slow, and succeeds"},
	},
	judge: judgeFailover,
}

// awayStates are SQLSTATEs of a server that goes, comes or only reads.
var awayStates = []string{"57P01", "57P02", "57P03", "25006", "08001", "08004", "08006"}

// deniedStates are SQLSTATEs that say something of our login, not of the server.
var deniedStates = []string{"28000", "28P01", "3D000", "42501"}

// connectBroken says that a fresh connection fails, not for want of slots and
// not because of our login.
func (v *view) connectBroken() bool {
	if !v.database {
		return false
	}
	c := v.in.Database.Connect
	if c.OK || c.SQLState == tooManyConnections || slices.Contains(deniedStates, c.SQLState) {
		return false
	}
	return c.SQLState != "" || c.Text != "" && c.MS < 1000 // slow is another matter
}

// refusesWrites says that the server takes no writes, and that the service
// fails since it was led there.
func (v *view) refusesWrites() bool {
	return v.database && v.in.Database.ReadOnly && v.failing()
}

// restarted says that the server started after the trouble was under way, or
// right before it.
func (v *view) restarted() bool {
	if !v.database || v.in.Database.StartedAt.IsZero() {
		return false
	}
	if u := v.usual(); u.Sessions != nil && v.in.Database.StartedAt.Before(u.From) {
		return false
	}
	since := v.onset().Sub(v.in.Database.StartedAt)
	return since < recentStart && (!v.baseline || v.in.Database.StartedAt.After(v.in.Pool.Baseline.From))
}

func judgeFailover(v *view) *claim {
	switch {
	case !v.database, v.databaseStandsIn && !v.refusesWrites():
		return v.awayBySaying()
	case v.connectBroken(), v.refusesWrites():
	case v.restarted() && !v.refused() && v.in.Database.StartedAt.After(v.onset().Add(-clockSlack)) && v.failing():
	default:
		return notBecause("a fresh connection: %s; the server has been up since %s", connectWords(v.in.Database.Connect), v.in.Database.StartedAt.UTC().Format("2006-01-02 15:04:05Z07:00"))
	}
	d := v.in.Database
	c := &claim{}
	c.thenf("a fresh connection: %s", connectWords(d.Connect))
	weight := 0.4
	if slices.Contains(awayStates, d.Connect.SQLState) || v.refusesWrites() {
		weight = 0.7
	}
	state := "takes writes"
	if d.ReadOnly {
		state = "takes no writes"
		c.thenf("the server takes no writes")
	}
	c.speaksFor(weight, observation{
		source: database, query: "select pg_postmaster_start_time(), pg_is_in_recovery()", at: v.databaseAt(),
		observed: fmt.Sprintf("a fresh connection: %s; the server started at %s, and %s", connectWords(d.Connect), d.StartedAt.UTC().Format("2006-01-02 15:04:05Z07:00"), state),
		expected: "a server that is up, and takes writes",
	})
	switch {
	case v.met(awayErrors) > 0:
		c.speaksFor(0.25, v.errorsMet(awayErrors))
	case v.refusesWrites():
		c.speaksFor(0.2, observation{
			source: metrics, query: "metrics.pool: now.error_rate", at: v.poolAt(),
			observed: fmt.Sprintf("%.0f %% of the requests fail, and were %.0f %%", 100*v.now.errors, 100*zeroIfNaN(v.before.errors)), expected: "as before",
		})
	case v.cannotOpen() || v.failing():
		c.speaksFor(0.25, v.notOpening())
	}
	c.actions = failoverActions()
	return c
}

// awayBySaying is what our own login and the service were told, where the
// server could not be read.
func (v *view) awayBySaying() *claim {
	c := &claim{actions: failoverActions()}
	told := slices.Contains(awayStates, v.refusal.SQLState)
	switch n := v.met(awayErrors); {
	case v.met(slotErrors) > 0:
		return notBecause("the server is up, and has no slot left")
	case !told && (n == 0 || !v.failing()):
		return notBecause("the server could not be read, and nobody says that it goes, comes or only reads")
	}
	if told {
		c.thenf("our own login: %s", v.refusalWords())
		c.speaksFor(0.6, v.refusedLogin())
	}
	if v.met(awayErrors) > 0 {
		c.thenf("the server goes, comes or only reads")
		c.speaksFor(0.6, v.errorsMet(awayErrors))
	}
	return c
}

func failoverActions() []capability.Remedy {
	return []capability.Remedy{
		byHand("fix_endpoint", "where the service connects to", capability.MediumRisk,
			"Find out which server takes writes now, and let the service's address lead there; old answers of DNS live on in pools."),
		restartWaves("Once the address is right restart the replicas in waves, so that none keeps a connection to the old server."),
	}
}
