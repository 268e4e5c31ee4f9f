package diagnose

import "github.com/firebreak-ops/firebreak/plugins/capability"

// cause is one root cause of connection exhaustion: how it is recognised, what
// it is easily taken for, and what helps. Each is a file of its own; to add one
// is to write such a file with its cases, and to add it to causes.
type cause struct {
	id    capability.Cause
	layer capability.Layer
	text  string // what it is, in one sentence
	signs string // what shows it
	// unlike says what it is easily taken for, and what tells them apart.
	unlike []lookAlike
	// judge says what speaks for and against it. It is called only where
	// there is trouble to explain.
	judge func(*view) *claim
}

// lookAlike is another cause that shows much the same.
type lookAlike struct {
	cause capability.Cause
	told  string // what tells the two apart
}

// causes are judged in this order, which matters only between equals: what
// names its culprit comes before what does not.
var causes = []cause{
	lockBlocking,
	preparedTransaction,
	autovacuumWraparound,
	movedAway,
	roleOrDBLimit,
	pgbouncerMaxClient,
	pgbouncerPool,
	noisyClient,
	connectionStorm,
	maxConnections,
	replicasTimesPool,
	staleHalfOpen,
	idleTransaction,
	connectionLeak,
	heldOutside,
	slowQuery,
	serverOverload,
	slowConnect,
	clientLimit,
	appPoolTooSmall,
	trafficSpike,
}

// Cause is what is known of one cause, for people.
type Cause struct {
	ID     capability.Cause
	Layer  capability.Layer
	Text   string
	Signs  string
	Unlike []LookAlike
}

// LookAlike is what a cause is easily taken for, and what tells the two apart.
type LookAlike struct {
	Cause capability.Cause
	Told  string
}

// Causes returns what is known of every cause that a diagnosis may name, in
// the order of the contract.
func Causes() []Cause {
	var out []Cause
	for _, id := range capability.Causes() {
		for _, c := range causes {
			if c.id != id {
				continue
			}
			known := Cause{ID: c.id, Layer: c.layer, Text: c.text, Signs: c.signs}
			for _, u := range c.unlike {
				known.Unlike = append(known.Unlike, LookAlike{Cause: u.cause, Told: u.told})
			}
			out = append(out, known)
		}
	}
	return out
}
