package local

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// Rest is all that an owner must know of a run that only waits, so that many
// can wait and a new owner looks at none of them: each is told of the new
// owner before it is told or asked anything else.
type Rest struct {
	Generation int           `json:"generation"` // of the owner that the run knows of
	StartedAt  time.Time     `json:"started_at"`
	Pins       string        `json:"pins"` // digest
	Service    string        `json:"service,omitempty"`
	Requester  string        `json:"requester"` // of which kind
	UndoOf     string        `json:"undo_of,omitempty"`
	Stops      []engine.Stop `json:"stops,omitempty"` // it knows of
	// When it must be looked at, unless something is said to it before; the
	// second moves by the time in which nobody drove runs. Zero: never.
	Clock  time.Time `json:"clock,omitzero"`
	Moving time.Time `json:"moving,omitzero"`
	Held   []string  `json:"held,omitempty"` // identities
	Wish   *Wish     `json:"wish,omitempty"`
}

// Wish is what a run waits to have for itself.
type Wish struct {
	ID         string   `json:"id"` // of the command
	Identities []string `json:"identities"`
}

// rest returns nil when a new owner must look at the run: it has something to
// call, or something in flight that would be unknown.
func rest(r engine.Run, want []engine.Command) *Rest {
	if r.Ended() || slices.ContainsFunc(want, func(c engine.Command) bool { return !waits(c) }) {
		return nil
	}
	pins, err := json.Marshal(r.Facts.Pins)
	if err != nil {
		return nil
	}
	out := &Rest{Generation: r.Generation, StartedAt: r.StartedAt, Pins: Digest(pins), Service: r.Facts.Service, Requester: r.Facts.Requester.Kind, UndoOf: r.Facts.UndoOf, Stops: r.Stops}
	if r.Locks.State == engine.LocksHeld {
		out.Held = r.Locks.Identities
	}
	then, would, err := engine.Advance(r, engine.Recovered{Generation: r.Generation + 1, Down: time.Hour}, r.StartedAt)
	if err != nil || len(would) != 1 {
		return nil
	}
	next := engine.Pending(then)
	for _, cmd := range want {
		switch c := cmd.(type) {
		case engine.Timer:
			// One that moves has another name.
			if slices.ContainsFunc(next, func(cmd engine.Command) bool { return cmd.CommandID() == c.ID }) {
				out.Clock = earlier(out.Clock, c.At)
			} else {
				out.Moving = earlier(out.Moving, c.At)
			}
		case engine.Lock:
			out.Wish = &Wish{c.ID, c.Identities}
		}
	}
	return out
}

// earlier returns the earlier of two times. The zero time is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// due is when the run must be looked at, if nobody was there for so long.
func (r *Rest) due(down time.Duration) time.Time {
	if r.Moving.IsZero() {
		return r.Clock
	}
	return earlier(r.Clock, r.Moving.Add(down))
}

// resting tells which runs that only wait need not be looked at: those for
// which nothing has changed but the owner.
type resting struct {
	rt   *Runtime
	pins map[string]bool // by digest: this owner would pin the same
}

func (s *resting) undisturbed(run string, r *Rest) bool {
	if r == nil {
		return false
	}
	facts := engine.Facts{Service: r.Service, UndoOf: r.UndoOf, Requester: engine.Requester{Kind: r.Requester}}
	if len(s.rt.missed(engine.Run{Facts: facts, Stops: r.Stops})) > 0 {
		return false
	}
	same, known := s.pins[r.Pins]
	if !known {
		one, err := s.rt.replay(s.rt.calls, run)
		if err != nil {
			return false // who looks at it will say so
		}
		same = s.rt.cfg.Pins(one.Facts) == nil
		s.pins[r.Pins] = same
	}
	return same
}
