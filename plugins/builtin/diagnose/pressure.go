package diagnose

import "math"

// pressure says why a pool is short: what it has to carry is demand x hold /
// size, and each factor is compared with the baseline. Each is at least 1 and
// 1 when it is not known to have grown. known says that it could be compared.
type pressure struct {
	demand, hold, size                float64
	demandKnown, holdKnown, sizeKnown bool
}

// grown is by how much a factor must have grown to count: less is noise.
const grown = 1.3

// demandWeighsMore says that more requests come, and that their number outweighs
// how much longer each holds its connection: a machine with more to do is
// slower, too. It does as much as before, though, or nearly.
func (v *view) demandWeighsMore() bool {
	p := v.pressure()
	return p.demand > 1 && !(v.now.releases <= 0.7*v.before.releases) && p.share(p.demand) >= 0.5 && v.in.Pool.Now.FirstAttemptsRPS != nil
}

func (v *view) pressure() pressure {
	p := pressure{demand: 1, hold: 1, size: 1}
	if !v.baseline {
		return p
	}
	if r := v.now.first / v.before.first; finite(r) {
		p.demandKnown = true
		// A short window counts few requests, and a few more are chance.
		if r >= grown+2/math.Sqrt(math.Max(1, v.now.first*v.now.seconds)) {
			p.demand = r
		}
	}
	if r := v.holdNow() / v.before.usualHold(); finite(r) {
		p.holdKnown = true
		if r >= grown+2/math.Sqrt(math.Max(1, zeroIfNaN(v.now.releases)*v.now.seconds)) {
			p.hold = r
		}
	}
	if r := v.before.max / v.wholeMax(); finite(r) {
		p.sizeKnown = true
		if r >= 1.05 {
			p.size = r
		}
	}
	return p
}

// wholeMax is the size of all pools, taking those of replicas that do not
// answer to be like the others'. To miss one must not look like a change.
func (v *view) wholeMax() float64 {
	if v.in.Pool == nil {
		return v.now.max
	}
	heard, silent := float64(len(v.in.Pool.Replicas)), float64(len(v.in.Pool.Silent))
	if heard == 0 {
		return v.now.max
	}
	return v.now.max * (heard + silent) / heard
}

// share says how much of the growth is due to a factor, 0 to 1.
func (p pressure) share(factor float64) float64 {
	total := math.Log(p.demand) + math.Log(p.hold) + math.Log(p.size)
	if total <= 0 {
		return 0
	}
	return math.Log(factor) / total
}
