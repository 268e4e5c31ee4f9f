package enginetest

import (
	"flag"
	"testing"
)

var (
	lives = flag.Int("lives", 2000, "how many lives are simulated")
	seed  = flag.Uint64("seed", 1, "of the first life")
)

func TestLives(t *testing.T) {
	n := *lives
	if testing.Short() {
		n /= 10
	}
	for i := range uint64(n) {
		if err := Live(*seed + i); err != nil {
			t.Fatalf("%v\n\ngo test ./engine/enginetest -run TestLives -lives 1 -seed %d", err, *seed+i)
		}
	}
}
