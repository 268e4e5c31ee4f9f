package diagnose

import (
	"fmt"
	"math"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// arithmeticOf is Little's law on the pool: the connections that are needed
// are the requests that come per second times the seconds each holds one.
// Retries are no demand of their own: they repeat what was not served.
func arithmeticOf(v *view) *capability.Arithmetic {
	if !v.pool {
		return nil
	}
	hold := v.now.hold
	if v.full() && !v.stuck() {
		hold = v.holdNow()
	}
	demand := v.now.first * hold
	capacity := int(v.now.max)
	return &capability.Arithmetic{
		OfferedRPS:         optional(v.now.offered),
		FirstAttemptsRPS:   optional(v.now.first),
		HoldMS:             optional(1000 * hold),
		DemandConns:        optional(demand),
		CapacityConns:      &capacity,
		RetryAmplification: optional(v.now.offered / v.now.first),
		PredictedDrainS:    optional(v.drain()),
		Reading:            v.reading(demand),
	}
}

// drain is how long the queue lasts once the pool is what it was: what waits,
// over what can be served beyond what comes. Not finite when it is not known.
func (v *view) drain() float64 {
	spare := math.Max(v.before.max, v.now.max)/v.before.usualHold() - v.now.first
	if !(spare > 0) || !(v.now.waiting > 0) {
		return math.NaN()
	}
	return v.now.waiting / spare
}

// reading says which of the factors the baseline supports.
func (v *view) reading(demand float64) string {
	var parts []string
	if finite(demand) {
		verb := "fits into"
		if demand > v.now.max {
			verb = "exceeds"
		}
		parts = append(parts, fmt.Sprintf("a demand of %.1f connections %s the %.0f there are", demand, verb, v.now.max))
	}
	if !v.baseline {
		return strings.Join(append(parts, "there is no baseline to say what changed"), "; ")
	}
	p := v.pressure()
	for _, f := range []struct {
		name   string
		factor float64
		known  bool
		change string
	}{
		{"the pools", p.size, p.sizeKnown, "shrank by"},
		{"first attempts", p.demand, p.demandKnown, "grew by"},
		{"hold times", p.hold, p.holdKnown, "grew by"},
	} {
		switch {
		case !f.known:
			parts = append(parts, f.name+" could not be compared")
		case f.factor > 1:
			parts = append(parts, fmt.Sprintf("%s %s a factor of %.1f", f.name, f.change, f.factor))
		default:
			parts = append(parts, f.name+" are as before")
		}
	}
	return strings.Join(parts, "; ")
}
