package diagnose

import (
	"fmt"
	"math"
	"regexp"
	"time"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var (
	poolLike     = regexp.MustCompile(`(?i)pool|max_?conn|connections`)
	databaseLike = regexp.MustCompile(`(?i)\b(db|database|sql|pg|pgx|pgxpool|postgres\w*|hikari|datasource)\b|(^|[._-])(db|sql|pg)[._-]`)
	otherPool    = regexp.MustCompile(`(?i)thread|worker|http|redis|cache|buffer|memory|grpc|client`)
	serverLimit  = regexp.MustCompile(`(?i)(^|[._-])max_connections$`)
)

// clockSlack is how far two machines' clocks, and the whole seconds of a
// commit, may put a cause after its effect.
const clockSlack = 2 * time.Second

// newest returns the newest change of each setting, newest first: an older
// one is not what runs now.
func (v *view) newest() []capability.Change {
	if v.in.Changes == nil {
		return nil
	}
	seen := map[string]bool{}
	var out []capability.Change
	for _, c := range v.in.Changes.Changes {
		if !seen[c.Setting] {
			seen[c.Setting] = true
			out = append(out, c)
		}
	}
	return out
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
	if v.isPoolSize(before, v.maxBefore) {
		score++
	} else if v.baseline && finite(v.maxBefore) {
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
	began := asOf(v.in)
	if v.in.Pool != nil && v.in.Pool.Onset != nil {
		began = *v.in.Pool.Onset
	}
	return !c.At.After(began.Add(clockSlack))
}

func changeObservation(c capability.Change, expected string) observation {
	return observation{
		source: changes, query: fmt.Sprintf("settings.changes setting=%s", c.Setting),
		observed: fmt.Sprintf("%s %s → %s by %s: %s", c.Setting, c.Before, c.After, c.Author, c.Title),
		expected: expected, at: &c.At,
	}
}
