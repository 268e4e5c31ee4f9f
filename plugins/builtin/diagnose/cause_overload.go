package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var serverOverload = cause{
	id: capability.ServerOverload, layer: capability.Sessions,
	text:  "The server itself is out of CPU, memory or I/O: all that it does is slow.",
	signs: "Most sessions are active, queries take longer, and so does opening a connection.",
	unlike: []lookAlike{
		{capability.SlowQuery, "one statement is slow, and a fresh connection is as quick as ever"},
		{capability.SlowConnectAuth, "only opening is slow; queries are as quick as ever"},
	},
	judge: judgeOverload,
}

// slowToOpen is how long a fresh connection may take, milliseconds, before it
// says something of the server.
const slowToOpen = 250

func judgeOverload(v *view) *claim {
	slower := v.now.query / v.before.query
	switch {
	case !v.database:
		return notBecause("the server could not be read")
	case v.standstill():
		return notBecause("%.0f of %.0f sessions wait for locks", v.locked, v.sessions)
	case !(v.in.Database.Connect.MS >= slowToOpen):
		return notBecause("a fresh connection fared as ever: %s", connectWords(v.in.Database.Connect))
	case v.active.Count < 4 || float64(v.active.Count) < 0.5*v.sessions:
		return notBecause("%d of %.0f sessions are active", v.active.Count, v.sessions)
	case finite(slower) && slower < 1.5 && v.active.P50S < math.Max(0.3, v.usualQuery()):
		return notBecause("queries take %s, were %s", seconds(v.now.query), seconds(v.before.query))
	}
	c := &claim{}
	c.thenf("%d sessions active, a fresh connection takes %.0f ms", v.active.Count, v.in.Database.Connect.MS)
	c.speaksFor(0.45, observation{
		source: database, query: activeSQL, at: v.databaseAt(),
		observed: fmt.Sprintf("%d of %.0f sessions active, half of them for more than %s; a fresh connection: %s", v.active.Count, v.sessions, seconds(v.active.P50S), connectWords(v.in.Database.Connect)),
		expected: "few active at a time, and a connection within milliseconds",
	})
	if slower >= 1.5 {
		c.speaksFor(0.15, v.times())
	}
	c.actions = []capability.Remedy{
		shedBacklog(),
		byHand("find_the_load", "the server", capability.MediumRisk,
			"Look at its CPU, run queue, I/O and swap, and end or move what loads it. More connections make it slower, not faster."),
	}
	return c
}
