package diagnose

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var (
	poolLike     = regexp.MustCompile(`(?i)pool|max_?conn|max_?open|connections`)
	databaseLike = regexp.MustCompile(`(?i)\b(db|database|sql|pg|pgx|pgxpool|postgres\w*|hikari|datasource)\b|(^|[._-])(db|sql|pg)[._-]`)
	otherPool    = regexp.MustCompile(`(?i)thread|worker|http|redis|cache|buffer|memory|grpc|client|bouncer`)
	serverLimit  = regexp.MustCompile(`(?i)(^|[._-])max_?connections$`)
	narrowLimit  = regexp.MustCompile(`(?i)conn\w*[._-]?limit|limit[._-]?conn|rolconnlimit|datconnlimit`)
	replicasLike = regexp.MustCompile(`(?i)replica|instances|pods|(^|[._-])(scale|count)$`)
	poolerSize   = regexp.MustCompile(`(?i)(default_)?pool_?size|max_db_connections|(pgbouncer|pooler|bouncer)\S*(pool|size)`)
	poolerMost   = regexp.MustCompile(`(?i)max_client_?conn`)
)

const (
	// clockSlack is how far two machines' clocks, and the whole seconds of a
	// commit, may put a cause after its effect.
	clockSlack = 2 * time.Second
	// soonAfter is how soon after a deployment trouble of the program's own
	// making shows.
	soonAfter = 30 * time.Minute
)

// deployed is another version of the service that came shortly before the
// trouble; nil: there is none.
func (v *view) deployed() *capability.Change {
	for _, c := range v.newest() {
		if c.Kind == "deploy" && v.precedes(c) && v.onset().Sub(c.At) <= soonAfter {
			return &c
		}
	}
	return nil
}

// follows adds the deployment that the trouble came after, where the program
// makes such trouble. It says where to look, and makes nothing much more
// probable: deployments are frequent.
func (c *claim) follows(v *view) {
	change := v.deployed()
	if change == nil {
		return
	}
	c.weight += 0.02
	c.hints = append(c.hints, capability.Evidence{
		Source: changes, Query: "firebreak changes list", At: &change.At, Supports: true,
		Observed: fmt.Sprintf("%s by %s, %s before: %s → %s", change.Title, change.Author, seconds(v.onset().Sub(change.At).Seconds()), change.Before, change.After),
		Expected: "no new version shortly before",
	})
}

// newest returns the newest change of each setting, newest first: an older
// one is not what runs now.
func (v *view) newest() []capability.Change {
	all := slices.Clone(v.in.Reported)
	if v.in.Changes != nil {
		all = append(all, v.in.Changes.Changes...)
	}
	slices.SortStableFunc(all, func(a, b capability.Change) int { return b.At.Compare(a.At) })
	seen := map[string]bool{}
	var out []capability.Change
	for _, c := range all {
		if !seen[c.Setting] {
			seen[c.Setting] = true
			out = append(out, c)
		}
	}
	return out
}

// changeTo returns the newest change of a setting like that to a number that
// fits what is measured, before the trouble began; nil: there is none. A
// change that does not fit a measurement is not what runs.
func (v *view) changeTo(like *regexp.Regexp, fits func(before, after float64) bool) *capability.Change {
	for _, c := range v.newest() {
		before, ok1 := c.Before.Number()
		after, ok2 := c.After.Number()
		if ok1 && ok2 && like.MatchString(c.Setting) && v.precedes(c) && fits(before, after) {
			return &c
		}
	}
	return nil
}

// loweredTo fits a change down to a value.
func loweredTo(value float64) func(before, after float64) bool {
	return func(before, after float64) bool { return after < before && after == value }
}

// poolChange returns the change that made the pool what it is now: it lowers
// a setting of the database's pool to the very size that is measured, before
// the trouble began. A change of something that sounds alike does not fit the
// measurement.
func (v *view) poolChange() *capability.Change {
	var best *capability.Change
	bestScore := 0
	for _, c := range v.newest() {
		if s := v.poolScore(c); s > bestScore {
			best, bestScore = &c, s
		}
	}
	return best
}

// poolScore is 0 for a change that cannot have made the pool smaller.
func (v *view) poolScore(c capability.Change) int {
	before, ok1 := c.Before.Number()
	after, ok2 := c.After.Number()
	if !ok1 || !ok2 || after >= before || !poolLike.MatchString(c.Setting) || !v.precedes(c) {
		return 0
	}
	if otherPool.MatchString(c.Setting) && !databaseLike.MatchString(c.Setting) {
		return 0
	}
	if !v.isPoolSize(after, v.wholeMax()) {
		return 0
	}
	score := 1
	if databaseLike.MatchString(c.Setting) {
		score += 2
	}
	if v.isPoolSize(before, v.before.max) {
		score++
	} else if v.baseline && finite(v.before.max) {
		return 0 // it was another size before
	}
	return score
}

// isPoolSize says whether a setting of that value gives pools of that size:
// as their total, or for each replica, or split with rounding.
func (v *view) isPoolSize(value, total float64) bool {
	replicas := float64(len(v.in.Pool.Replicas))
	return value == total || value*replicas == total || (replicas > 0 && math.Abs(value-total) < replicas)
}

// precedes says whether the change was there when the trouble began.
func (v *view) precedes(c capability.Change) bool {
	return !c.At.After(v.onset().Add(clockSlack))
}
