package engine

import "time"

// Recovered tells a run that a new generation of the runtime has taken it
// over. A runtime gives it before its first Reconcile; what an older
// generation had in flight is unknown from then on.
type Recovered struct {
	Generation int
	Down       time.Duration   // how long no runtime was there; open deadlines move by it
	Pins       *Pins           // what the new generation would pin; nil: unchanged
	Roles      map[string]Role // who decides where Pins changed; nil: who did before
}

func (Recovered) isInput() {}
