package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var slowConnect = cause{
	id: capability.SlowConnectAuth, layer: capability.Network,
	text:  "Opening a connection takes long: authentication, name service, TLS or the network is slow.",
	signs: "A fresh connection of our own takes a second and more, connections are being opened, and the pool is not at its size; queries are as quick as before.",
	unlike: []lookAlike{
		{capability.AppPoolTooSmall, "the pool is used up"},
		{capability.ConnectionStorm, "many are opened, and quickly"},
		{capability.ServerOverload, "queries are slow, too"},
		{capability.ClientFDOrPortLimit, "a fresh connection of our own is quick"},
	},
	judge: judgeSlowConnect,
}

func judgeSlowConnect(v *view) *claim {
	switch {
	case !v.database || v.databaseStandsIn:
		if v.pool && v.queued() && !v.stuck() && !v.failingMuch() && v.takesLong() {
			c := &claim{actions: slowConnectActions()}
			c.thenf("connections take long to open")
			c.speaksFor(0.6, v.beingOpened())
			if v.now.query >= 2*v.before.query {
				c.speaksAgainst(0.2, v.times())
			}
			return c
		}
		return notBecause("how long a fresh connection takes is not known, and few are being opened")
	case v.in.Database.Connect.SQLState != "":
		return notBecause("a fresh connection is refused: %s", connectWords(v.in.Database.Connect))
	case v.in.Database.Connect.MS < 700:
		return notBecause("a fresh connection takes %.0f ms", v.in.Database.Connect.MS)
	case v.refused():
		return notBecause("the server has no slot left")
	case !v.opensWanted():
		return notBecause("the service has the connections that it needs, and opens none")
	case v.opensMore():
		return notBecause("the service tries to open %s, which connections that take %s would not let it", rate(v.now.connects), seconds(v.in.Database.Connect.MS/1000))
	}
	c := &claim{}
	c.thenf("a fresh connection: %s", slowWords(v))
	c.speaksFor(0.6, observation{
		source: database, query: `time psql -c "select 1"`, at: v.databaseAt(),
		observed: "a fresh connection: " + slowWords(v), expected: "well below 100 ms",
	})
	if v.pool {
		c.weigh(v.opening > 0 || !v.full() && !v.leftAlone() || v.young() >= 0.5 || v.openedMany() || v.now.connect >= 0.7, 0.3, 0.3, v.beingOpened())
	}
	if v.now.query < 1.5*v.before.query {
		c.speaksFor(0.1, v.times())
	} else if v.now.query >= 2*v.before.query {
		c.speaksAgainst(0.2, v.times())
	}
	if v.workGrew() >= 2 {
		c.speaksAgainst(0.2, v.past("as many transactions as before: only opening is slow"))
	}
	c.actions = slowConnectActions()
	return c
}

func slowWords(v *view) string {
	if c := v.in.Database.Connect; !c.OK {
		return c.Text
	}
	return fmt.Sprintf("ok, but only after %.0f ms", v.in.Database.Connect.MS)
}

// takesLong says that opening a connection takes long, as far as the service
// says: as it measures it, or by how many are being opened while requests wait
// and, by Little's law, for how long.
func (v *view) takesLong() bool {
	if finite(v.now.connect) {
		return v.now.connect >= 0.7 && v.now.connect >= 3*zeroIfNaN(v.before.connect)
	}
	return v.opening >= math.Max(2, 0.1*v.now.max) && v.idle <= 0.1*v.now.max && !(v.opening < 0.5*v.now.connects) ||
		v.openedMany() && !v.failing() && !(v.now.connects >= 0.3*v.now.releases)
}

// openedMany says that a good part of the pool was being opened at once, more
// than before.
func (v *view) openedMany() bool {
	return v.now.opening >= math.Max(2, 0.2*v.now.max) && v.now.opening >= 2*v.before.opening
}

// failingMuch says that connections are refused rather than slow.
func (v *view) failingMuch() bool { return v.now.errors >= 0.2 && v.now.connects >= 20 }

func (v *view) beingOpened() observation {
	o := observation{
		source: metrics, query: "metrics.pool: replicas.constructing, now.opening, now.connect_s", at: v.poolAt(),
		observed: fmt.Sprintf("%.0f connections being opened, %.0f of %.0f in use", v.opening, v.now.acquired, v.now.max), expected: "none for long",
	}
	if v.now.opening > v.opening {
		o.observed += fmt.Sprintf(", %.0f being opened at once before", v.now.opening)
	}
	if finite(v.now.connect) {
		o.observed += ", one takes " + seconds(v.now.connect)
	}
	return o
}

func slowConnectActions() []capability.Remedy {
	return []capability.Remedy{
		byHand("find_delay", "the way to the server", capability.LowRisk,
			"Time each part: name service, TCP, TLS, authentication (LDAP, RADIUS, PAM and reverse look-ups are usual), and the server's CPU."),
		byHand("longer_lives", "the pools", capability.LowRisk,
			"Lengthen the lifetime and idle time of pooled connections, so that fewer have to be opened."),
	}
}
