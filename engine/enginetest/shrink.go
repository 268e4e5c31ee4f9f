package enginetest

import "slices"

// patientFor is how many moments are lived through to shrink a script.
const patientFor = 300_000

// shrunk makes the shortest script that it finds for what went wrong in a
// town: turns are left out, in ever smaller pieces, and then every choice that
// matters nothing is made the calm one. What goes wrong may become something
// else on the way, as it may for people.
//
// It gives up after a while: what never ends takes long each time.
func shrunk(p plot) plot {
	first := liveBy(p)
	if first.err == nil {
		return p
	}
	p.script = first.turns
	left := patientFor
	fails := func(script [][]int) bool {
		if left < 0 {
			return false
		}
		q := p
		q.script = script
		town := liveBy(q)
		left -= len(town.history)
		return town.err != nil
	}
	for before := -1; before != len(p.script); {
		before = len(p.script)
		p.script = fewer(p.script, fails)
	}
	for turn := range p.script {
		for k, v := range slices.Backward(p.script[turn]) {
			if v == 0 {
				continue
			}
			if calm := calmed(p.script, turn, k); fails(calm) {
				p.script = calm
			}
		}
	}
	return p
}

// fewer leaves turns out, but for the first and the last, while it fails.
func fewer(script [][]int, fails func([][]int) bool) [][]int {
	for size := len(script) - 2; size > 0; size /= 2 {
		for at := 1; at+size < len(script); {
			if less := without(script, at, size); fails(less) {
				script = less
				continue
			}
			at += size
		}
	}
	return script
}

// without leaves out some turns.
func without(script [][]int, at, n int) [][]int {
	return append(append([][]int{}, script[:at]...), script[at+n:]...)
}

// calmed makes one choice the calm one.
func calmed(script [][]int, turn, k int) [][]int {
	out := append([][]int{}, script...)
	out[turn] = append([]int{}, script[turn]...)
	out[turn][k] = 0
	return out
}
