package engine

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// ServiceChange is one that somebody else has made to the run's service.
type ServiceChange struct {
	Reporter string    `json:"reporter"` // who told of it
	ID       string    `json:"id"`       // of the reporter's
	At       time.Time `json:"at"`
	Author   string    `json:"author,omitempty"`
	Title    string    `json:"title"`
}

// By is who made it, as far as that is known.
func (c ServiceChange) By() string { return cmp.Or(c.Author, c.Reporter) }

// says is what people are told of it.
func (c ServiceChange) says() string {
	return fmt.Sprintf("since this run began %s has changed its service: %s (%s)", c.By(), c.Title, c.At.UTC().Format("15:04:05 MST"))
}

// changeMade yields to somebody else: nothing more is changed on an answer that
// was given, or asked for, without knowing of their change.
func (d *decider) changeMade(c ServiceChange) error {
	if d.run.Ended() || !c.At.After(d.run.StartedAt) || slices.ContainsFunc(d.run.Changes, func(o ServiceChange) bool { return o.Reporter == c.Reporter && o.ID == c.ID }) {
		return ErrStale
	}
	d.emit(ChangeSeen{Change: c})
	d.voidAll(c.says())
	return nil
}

// differs says what is another than when a gate was asked last, or than when
// the run began.
func (d *decider) differs(g *Gate) []string {
	out := slices.Clone(g.Changed)
	for _, c := range d.run.Changes {
		out = append(out, c.says())
	}
	return out
}
