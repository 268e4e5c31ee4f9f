package policy

import (
	"slices"
	"time"
)

// Freeze is a rule that holds changes back while its window is open.
type Freeze struct {
	Rule     string // its name, and where it stands
	Reason   string
	Window   Window
	Services []string // empty: everything
	// Rollbacks may begin all the same.
	Rollbacks bool
	// Automation alone is held back: runs that a person has started go on.
	Automation bool
}

// Frozen is a freeze that stands.
type Frozen struct {
	Freeze

	Until time.Time // when it ends by itself; zero: that is not known
}

// Standing returns the freezes whose windows are open at a time, in their
// order, and when to look again; zero: never.
func Standing(all []Freeze, at time.Time) (stand []Frozen, next time.Time) {
	for _, f := range all {
		open, until := f.Window.At(at)
		if open {
			stand = append(stand, Frozen{f, until})
		}
		if !until.IsZero() && (next.IsZero() || until.Before(next)) {
			next = until
		}
	}
	return stand, next
}

// Holds reports whether a freeze holds back the runs of a service. automatic:
// no person has started them.
func (f Freeze) Holds(service string, automatic bool) bool {
	return (automatic || !f.Automation) && (len(f.Services) == 0 || slices.Contains(f.Services, service))
}
