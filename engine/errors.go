package engine

import (
	"errors"
	"fmt"
)

// ErrStale says that a machine's input came too late to matter. The run is
// unchanged; the input may be forgotten.
var ErrStale = errors.New("the run no longer waits for this")

// Refusal says why a person's input was refused. The refusal itself is
// recorded.
type Refusal struct {
	By     string
	What   string // approve, cancel, …
	Reason string // a sentence for the person, with what to do instead
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s refused: %s", r.What, r.Reason) }

// StartError says why a run could not be started. Nothing is recorded.
type StartError struct{ Reason string }

func (e *StartError) Error() string { return e.Reason }
