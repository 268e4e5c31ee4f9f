package enginetest

// shrunk makes the shortest script that it finds for what went wrong in a
// town: turns are left out, in ever smaller pieces, and then every choice that
// matters nothing is made the calm one. What goes wrong may become something
// else on the way, as it may for people.
func shrunk(p plot) plot {
	first := liveBy(p)
	if first.err == nil {
		return p
	}
	p.script = first.turns
	fails := func(script [][]int) bool {
		q := p
		q.script = script
		return liveBy(q).err != nil
	}
	for size := len(p.script) - 2; size > 0; size /= 2 {
		for at := 1; at+size < len(p.script); {
			if less := without(p.script, at, size); fails(less) {
				p.script = less
				continue
			}
			at += size
		}
	}
	for turn := range p.script {
		for k := len(p.script[turn]) - 1; k >= 0; k-- {
			if p.script[turn][k] == 0 {
				continue
			}
			if calm := calmed(p.script, turn, k); fails(calm) {
				p.script = calm
			}
		}
	}
	return p
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
