package diagnose

import (
	"fmt"
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// What the server remembers of how it was, for where the service's own figures
// do not reach.

// traffic is what the database did of late; nil: it is not known.
func (v *view) traffic() *capability.DatabaseTraffic {
	if !v.database {
		return nil
	}
	return v.in.Database.Now
}

// usual is what the database did before; of nothing known where it has no past.
func (v *view) usual() capability.DatabaseTraffic {
	if !v.database || v.in.Database.Baseline == nil {
		return capability.DatabaseTraffic{CommitsRPS: math.NaN(), RollbacksRPS: math.NaN()}
	}
	return *v.in.Database.Baseline
}

// fewer and more are by which factor the service's sessions became so; NaN when
// it is not known.
func (v *view) fewer() float64 { return whole(v.usual().Sessions) / v.sessions }
func (v *view) more() float64  { return v.sessions / whole(v.usual().Sessions) }

// noRest says that the service's sessions are all at work, and did rest before.
func (v *view) noRest() bool {
	u := v.usual()
	return v.sessions >= 3 && float64(v.resting.Count) <= 0.05*v.sessions && whole(u.Resting) >= math.Max(1, 0.1*whole(u.Sessions))
}

// workGrew is by which factor a transaction keeps its session longer than
// before, by Little's law on the server: at work = transactions x time.
func (v *view) workGrew() float64 {
	t := v.traffic()
	if t == nil {
		return math.NaN()
	}
	now := (v.sessions - float64(v.resting.Count)) / t.CommitsRPS
	if oldest := math.Max(v.active.OldestS, v.inTx.OldestS); oldest < 0.3*now {
		return math.NaN() // none is as old as that: they do not end well, rather than late
	}
	return v.grewTo(v.sessions - float64(v.resting.Count))
}

// grewTo is by which factor sessions, for each transaction that ends well, are
// more than those that did not rest before. NaN where none was at work then, or
// none ends now.
func (v *view) grewTo(sessions float64) float64 {
	t, u := v.traffic(), v.usual()
	if t == nil {
		return math.NaN()
	}
	grew := sessions / t.CommitsRPS / ((whole(u.Sessions) - whole(u.Resting)) / u.CommitsRPS)
	if !finite(grew) {
		return math.NaN()
	}
	return grew
}

// busier is by which factor more transactions end well than before.
func (v *view) busier() float64 {
	t := v.traffic()
	if t == nil {
		return math.NaN()
	}
	return t.CommitsRPS / v.usual().CommitsRPS
}

const (
	commitsSQL = "select xact_commit from pg_stat_database where datname = current_database() -- twice"
	pastSQL    = "select count(*), count(*) filter (where state = 'idle') from pg_stat_activity where datname = current_database(); " + commitsSQL
)

// past is the service's sessions and what they do, beside those of before.
func (v *view) past(expected string) observation {
	u := v.usual()
	o := observation{source: database, query: pastSQL, at: v.databaseAt(), expected: expected}
	o.observed = fmt.Sprintf("%.0f sessions, %d at rest; were %.0f, %.0f at rest", v.sessions, v.resting.Count, whole(u.Sessions), whole(u.Resting))
	if t := v.traffic(); t != nil {
		o.observed += fmt.Sprintf("; %s transactions, were %s", rate(t.CommitsRPS), rate(u.CommitsRPS))
	}
	return o
}
