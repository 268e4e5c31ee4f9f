package diagnose

import (
	"fmt"
	"math"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// What services call the errors that tell causes apart: SQLSTATEs, the server's
// words, or those of the operating system.
var (
	slotErrors     = []string{"53300", "too_many_connections", "too many connections", "too many clients", "remaining connection slots"}
	poolerErrors   = []string{"08p01", "max_client_conn", "no more connections allowed"}
	socketErrors   = []string{"emfile", "enfile", "too many open files", "eaddrnotavail", "cannot assign requested address"}
	awayErrors     = []string{"57p01", "57p02", "57p03", "25006", "read-only", "read_only", "starting up", "shutting down", "econnrefused", "connection refused", "connection_refused"}
	readOnlyErrors = []string{"25006", "read-only", "read_only"}
	dialErrors     = []string{"28p01", "28000", "3d000", "password authentication", "no pg_hba.conf entry", "no such host", "no route to host", "network is unreachable", "x509", "certificate"}
	lockErrors     = []string{"55p03", "40p01", "lock_not_available", "lock_timeout", "deadlock"}
)

// leastMet is how often an error must have been met to say something.
const leastMet = 2

// met is how often the service met such errors of late, by what it counts
// itself; 0 where it counts none.
func (v *view) met(classes []string) int {
	n := 0
	if v.in.Pool == nil {
		return 0
	}
	for _, e := range v.in.Pool.Now.Errors {
		if isOf(e, classes) {
			n += e.Count
		}
	}
	if n < leastMet {
		return 0
	}
	return n
}

func isOf(e capability.ErrorClass, classes []string) bool {
	said := strings.ToLower(e.Class)
	for _, c := range classes {
		if strings.Contains(said, c) {
			return true
		}
	}
	return false
}

// meetsRefusals says that what the service met is that connections are refused or
// cannot be made, in whoever's words.
func (v *view) meetsRefusals() bool {
	return v.met(slotErrors)+v.met(poolerErrors)+v.met(socketErrors)+v.met(dialErrors) > 0
}

// named is the narrower limit that the errors of the service name: role or
// database; empty when they name none.
func (v *view) named() string {
	if v.in.Pool == nil {
		return ""
	}
	for _, e := range v.in.Pool.Now.Errors {
		if of := namedLimit(strings.ToLower(e.Class)); of != "" && e.Count >= leastMet {
			return of
		}
	}
	return ""
}

// errorsMet are the errors of the service, as it names them.
func (v *view) errorsMet(classes []string) observation {
	var parts []string
	for _, e := range v.in.Pool.Now.Errors {
		if isOf(e, classes) {
			parts = append(parts, fmt.Sprintf("%s × %d", e.Class, e.Count))
		}
	}
	return observation{
		source: metrics, query: "metrics.pool: now.errors", at: v.poolAt(),
		observed: "the service met " + strings.Join(parts, ", "), expected: "none",
	}
}

// turnedAway says that the server has no slot, in words for our own login, for
// an exporter's or for the service.
func (v *view) turnedAway() bool {
	return v.refusal.SQLState == tooManyConnections && namedLimit(v.refusal.Text) == "" || v.met(slotErrors) > 0 && v.named() == "" || v.exporterOut()
}

// exporterOut says that the server's exporter is up and not let in.
func (v *view) exporterOut() bool {
	return v.in.Pool != nil && v.in.Pool.Database != nil && !v.in.Pool.Database.Up
}

// away is how our own login or the service was told that the server goes,
// comes or only reads.
func (v *view) refusalWords() string {
	return strings.TrimSpace(v.refusal.SQLState + " " + v.refusal.Text)
}

// refusedLogin is how our own login was turned away.
func (v *view) refusedLogin() observation {
	return observation{
		source: database, query: `psql -c "select 1" -- with the login of database.read`,
		observed: "our own login is refused: " + v.refusalWords(), expected: "a connection",
	}
}

// doneShare is which share of the connections that are held too long is held
// although its queries are finished; NaN where the counts do not tell. Where some
// go on as ever, those are in the middle of theirs.
func (v *view) doneShare() float64 {
	if v.in.Pool == nil || !(v.now.acquired > 0) {
		return math.NaN()
	}
	held := v.now.acquired
	if explained := v.now.releases * v.now.hold; v.stuck() && explained > 0 {
		held -= explained
	}
	return math.Min(1, whole(v.in.Pool.HeldDone)/held)
}

// heldAfter is how many connections are held though their queries are done.
func (v *view) heldAfter() observation {
	return observation{
		source: metrics, query: "metrics.pool: held_done, now.acquired", at: v.poolAt(),
		observed: fmt.Sprintf("%d of %.0f connections in use have run their queries", *v.in.Pool.HeldDone, v.now.acquired),
		expected: "few: a connection is given back when its queries are done",
	}
}
