package diagnose

import (
	"fmt"
	"math"
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
// fails since it was led there: by its own word or, where it says nothing, in
// that next to nothing ends well any more of what its sessions go on to try.
func (v *view) refusesWrites() bool {
	return v.database && v.in.Database.ReadOnly && (v.failing() || math.IsNaN(v.now.errors) && (v.rollsBack() || v.busier() <= 0.2 && v.goesOn()))
}

// rollsBack says that a good part of the transactions rolls back, and did not.
func (v *view) rollsBack() bool {
	t := v.traffic()
	return t != nil && t.RollbacksRPS >= math.Max(1, 0.2*t.CommitsRPS) && t.RollbacksRPS >= 5*v.usual().RollbacksRPS
}

// goesOn says that the sessions are at work, or roll back as much as they did
// commit.
func (v *view) goesOn() bool {
	return float64(v.resting.Count) < 0.5*v.sessions || v.traffic().RollbacksRPS >= 0.5*v.usual().CommitsRPS
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
	case v.elsewhere() || v.failing() && v.met(readOnlyErrors) > 0:
		return v.ledElsewhere()
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
	case v.refusesWrites() && math.IsNaN(v.now.errors):
		o := v.past("as many transactions as before")
		if t := v.traffic(); t.RollbacksRPS > 0 {
			o.observed += fmt.Sprintf("; %s rolled back", rate(t.RollbacksRPS))
		}
		c.speaksFor(0.1, o)
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

// elsewhere says that the service has connections, and the server that we read
// none of them, though it had.
func (v *view) elsewhere() bool {
	open := v.now.acquired + zeroIfNaN(v.idle)
	return v.database && !v.databaseStandsIn && !v.pooler.present && open >= 3 && v.sessions <= 0.2*open && whole(v.usual().Sessions) >= 0.5*open
}

// ledElsewhere is a service that talks to another server than we do: our
// connection was open before.
func (v *view) ledElsewhere() *claim {
	c := &claim{actions: failoverActions()}
	if v.met(readOnlyErrors) > 0 {
		c.thenf("the service is led to a server that only reads")
		c.speaksFor(0.65, v.errorsMet(readOnlyErrors))
	}
	if v.elsewhere() {
		c.thenf("its connections lead to another server")
		c.speaksFor(0.55, v.past(fmt.Sprintf("sessions for the %.0f connections that its pools have open", v.now.acquired+zeroIfNaN(v.idle))))
		c.speaksFor(0.1, v.poolUsed())
	}
	return c
}

// allGone says that the service has lost every connection that it had, and gets
// none: limits leave some.
func (v *view) allGone() bool {
	return v.hasNone() && v.cannotOpen() && v.before.acquired >= 3 && v.now.errors >= 0.9 && !(v.now.releases > 0.01*v.before.releases)
}

// failsAtWork says that most requests fail though they are given connections, and
// give them back as soon as ever: what they ask for is refused, as by a server
// that takes no writes. Errors that are counted by class would say so.
func (v *view) failsAtWork() bool {
	return v.failing() && v.now.errors >= 0.5 && v.in.Pool.Now.ReleasesRPS != nil && len(v.in.Pool.Now.Errors) == 0 &&
		v.now.releases >= 0.8*v.before.releases && v.now.hold <= 1.1*v.before.hold && !v.cannotOpen()
}

// unreachable says that nobody answers our own login at all.
func (v *view) unreachable() bool {
	return v.refusal.Text != "" && v.refusal.SQLState == ""
}

// awayBySaying is what our own login and the service were told, where the
// server could not be read.
func (v *view) awayBySaying() *claim {
	c := &claim{actions: failoverActions()}
	told := slices.Contains(awayStates, v.refusal.SQLState) || v.unreachable() && (v.cannotOpen() || !v.pool || v.hasNone())
	switch n := v.met(awayErrors); {
	case v.met(slotErrors) > 0:
		return notBecause("the server is up, and has no slot left")
	case !told && n == 0 && v.allGone() && v.met(poolerErrors) == 0 && v.met(socketErrors) == 0:
		c.thenf("no connection is left of %.0f, and none can be opened", v.before.acquired)
		c.speaksFor(0.5, v.notOpening())
		return c
	case !told && n == 0 && v.failsAtWork():
		c.thenf("requests fail on the connections that they are given")
		c.speaksFor(0.4, observation{
			source: metrics, query: "metrics.pool: now.error_rate, now.releases_rps and now.hold_s, beside the baseline", at: v.poolAt(),
			observed: fmt.Sprintf("%.0f %% of the requests fail, and %s connections are given back, were %s, each after %s, was %s",
				100*v.now.errors, rate(v.now.releases), rate(v.before.releases), seconds(v.now.hold), seconds(v.before.hold)),
			expected: "no more failures than before where connections are given",
		})
		return c
	case !told && (n == 0 || !v.failing()):
		return notBecause("the server could not be read, and nobody says that it goes, comes or only reads")
	}
	if told {
		c.thenf("our own login: %s", v.refusalWords())
		c.speaksFor(0.6, v.refusedLogin())
		if v.unreachable() && v.pool {
			c.speaksFor(0.25, v.notOpening()) // neither we nor the service: it is not on our way
		}
	}
	if v.met(awayErrors) > 0 {
		c.thenf("the server goes, comes or only reads")
		weight := 0.6
		if v.met(readOnlyErrors) > 0 {
			weight = 0.75 // of a server that takes writes nobody is told that
		}
		c.speaksFor(weight, v.errorsMet(awayErrors))
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
