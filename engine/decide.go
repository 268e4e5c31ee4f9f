package engine

import "time"

// Decide returns the records that follow from an input, numbered and ready
// to be stored. now is the runtime's clock. A person's refused input returns
// both the record of the refusal and an error that says why; a machine's
// input that no longer matters returns [ErrStale] and no records. It never
// blocks and changes nothing.
func Decide(r Run, in Input, now time.Time) ([]Record, error) {
	return nil, nil
}

// Pending returns the commands that should be open for the run, in a stable
// order.
func Pending(r Run) []Command { return nil }
