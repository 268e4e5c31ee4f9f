package enginetest

import "math/rand/v2"

// choices decides what is left to chance, and keeps what it chose, turn by
// turn, so that a life can be lived again, or with some of its turns left out.
// Zero is always the calm choice.
type choices struct {
	rng    *rand.Rand
	script [][]int // set: what to choose; what it does not say is 0
	turns  [][]int // what was chosen
}

// turn begins the next turn.
func (c *choices) turn() { c.turns = append(c.turns, nil) }

// IntN returns a number below n.
func (c *choices) IntN(n int) int {
	turn := len(c.turns) - 1
	v, k := 0, len(c.turns[turn])
	switch {
	case c.script == nil:
		v = c.rng.IntN(n)
	case turn < len(c.script) && k < len(c.script[turn]):
		v = c.script[turn][k] % n
	}
	c.turns[turn] = append(c.turns[turn], v)
	return v
}

// once says yes once in n times.
func (c *choices) once(n int) bool { return c.IntN(n) == n-1 }

// pick returns one of some.
func pick[T any](c *choices, of ...T) T { return of[c.IntN(len(of))] }
