package diagnose

import (
	"math"
	"strings"
)

// namedLimit is the narrower limit that the server's words name: "role" or
// "database"; empty when they name none.
func namedLimit(text string) string {
	switch {
	case strings.Contains(text, "for role"):
		return "role"
	case strings.Contains(text, "for database"):
		return "database"
	default:
		return ""
	}
}

// limit is a connection limit of a role or database that is used up.
type limit struct {
	of    string // role or database
	name  string
	used  float64
	most  float64
	words string // the server's, where it said so
}

// limitReached is the limit of the role or database that is used up; nil when
// there is none.
func (v *view) limitReached() *limit {
	if !v.database {
		return nil
	}
	d := v.in.Database
	if c := d.Connect; c.SQLState == tooManyConnections {
		if of := namedLimit(c.Text); of != "" {
			l := limit{of: of, words: c.Text, used: math.NaN(), most: math.NaN()}
			if of == "database" {
				l.used, l.most = v.sessions, whole(d.Limits.Database)
			}
			// Our own login's limit says nothing of the service's.
			if of == "database" || len(d.Clients) > 0 && strings.Contains(c.Text, `"`+d.Clients[0].User+`"`) {
				return &l
			}
		}
	}
	for _, h := range v.holders() {
		if v.pool && h.user != v.service(v.holders()).user {
			continue // it is in nobody's way but its own
		}
		if used, most := v.roleUse(h.user); used >= most-slack(most) {
			return &limit{of: "role", name: h.user, used: used, most: most}
		}
	}
	if most := whole(d.Limits.Database); most >= 0 && v.sessions >= most-slack(most) {
		return &limit{of: "database", used: v.sessions, most: most}
	}
	return nil
}

// roleUse is how many sessions a role has, and how many it may have; NaN where
// it has no limit.
func (v *view) roleUse(user string) (used, most float64) {
	most = math.NaN()
	if d := v.in.Database; len(d.Clients) > 0 && d.Clients[0].User == user {
		most = whole(d.Limits.Role)
	}
	for _, c := range v.in.Database.Clients {
		if c.User != user {
			continue
		}
		used += float64(c.Count)
		if c.Limit != nil {
			most = float64(*c.Limit)
		}
	}
	return used, most
}

// slack is by how much a limit may be missed in one look: refused sessions
// come and go, and our own counts, too.
func slack(most float64) float64 { return math.Max(1, 0.05*most) }

// mayNotGrow says that the service, which does not count what fails, has fewer
// sessions than it had, and its pools have room.
func (v *view) mayNotGrow() bool {
	return v.pool && math.IsNaN(v.now.errors) && !v.full() && v.fewer() >= 1.2
}

// refusedInside says that the database rolls back about as often as the service
// tries to connect, and did not before: a login that the database itself refuses
// is rolled back there, and no other is.
func (v *view) refusedInside() bool {
	t := v.traffic()
	return t != nil && v.cannotOpen() && v.now.connects >= 5 && t.RollbacksRPS >= 0.5*v.now.connects && t.RollbacksRPS >= 5*v.usual().RollbacksRPS
}

// limitPinches says that a limit is used up and it shows: the server said so,
// or none of the sessions below it is at rest.
func (v *view) limitPinches() bool {
	l := v.limitReached()
	if l == nil {
		return false
	}
	return l.words != "" || v.cannotOpen() || v.mayNotGrow() || !v.pool && v.fewer() >= 1.2 || !v.pool && v.sessions >= 4 && float64(v.resting.Count) <= 0.05*v.sessions
}
