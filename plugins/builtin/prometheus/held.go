package prometheus

import "math"

// leastReleases is how many connections must have been given back for their
// number to say how many queries each runs.
const leastReleases = 50

// heldDone is how many of the connections in use have run their queries and are
// held all the same: what was queried, less what was given back. It is null
// where the two are not counted, and where it comes to less than none or more
// than all that are in use: then requests run now more queries and now fewer,
// and the counts do not tell.
func heldDone(histories []history) *int {
	type counts struct{ released, queried, acquired float64 }
	var all []counts
	var sum counts
	for _, h := range histories {
		n := len(h.snapshots)
		if n == 0 || math.IsNaN(h.snapshots[n-1].figures[poolAcquired]) {
			continue
		}
		c := counts{accumulated(h.snapshots, holdTime).count, accumulated(h.snapshots, queryTime).count, h.snapshots[n-1].figures[poolAcquired]}
		if math.IsNaN(c.released) || math.IsNaN(c.queried) {
			return nil
		}
		all = append(all, c)
		sum.released, sum.queried, sum.acquired = sum.released+c.released, sum.queried+c.queried, sum.acquired+c.acquired
	}
	if sum.released < leastReleases {
		return nil
	}
	each := max(1, math.Round((sum.queried-sum.acquired/2)/sum.released))
	held := 0.0
	for _, c := range all {
		done := c.queried/each - c.released
		if slack := 2 + 0.1*c.acquired; done < -slack || done > c.acquired+slack {
			return nil
		}
		held += max(0, min(c.acquired, done))
	}
	return integer(held)
}
