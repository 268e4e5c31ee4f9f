package server

import "slices"

// Right is something that a token lets its holder do here. What its holder may
// decide is another matter: the engine asks the roles.
type Right string

// The rights, in the order in which people read them.
const (
	MayRead   Right = "read"    // look at runs, questions, runbooks, services, alerts, changes, stops and acts
	MayRun    Right = "run"     // start, retry and undo runs
	MayAnswer Right = "answer"  // say something to a run: approve, deny, cancel, skip, …
	MayStop   Right = "stop"    // halt and hold, and lift that
	MayReport Right = "report"  // report changes
	MayScrape Right = "metrics" // read the metrics
	MayKeep   Right = "keep"    // prune, and have the runbooks read again
)

// What a route needs that is no right of a token.
const (
	needsNothing Right = "nothing" // anybody may come
	needsSource  Right = "source"  // the secret of an alert source
	needsSocket  Right = "socket"  // to come through the socket
)

// Rights are those that a token may have.
func Rights() []Right {
	return []Right{MayRead, MayRun, MayAnswer, MayStop, MayReport, MayScrape, MayKeep}
}

// About says what a right lets do.
func (r Right) About() string {
	switch r {
	case MayRead:
		return "look at runs, questions, runbooks, services, alerts, changes, stops and acts"
	case MayRun:
		return "start, retry and undo runs of the runbooks that the owner knows"
	case MayAnswer:
		return "approve, deny, answer, cancel, skip, take over, …; its holder's roles decide whether that counts"
	case MayStop:
		return "halt and hold; to lift that takes a role, too"
	case MayReport:
		return "report changes"
	case MayScrape:
		return "read the metrics"
	case MayKeep:
		return "with a role: have the runbooks read again, and prune runs"
	default:
		return ""
	}
}

// may reports whether somebody has a right.
func (c Caller) may(r Right) bool { return c.Token == "" || slices.Contains(c.May, r) }
