package local

import (
	"errors"
	"fmt"
)

// What a [Journal] or a [State] may refuse.
var (
	// ErrSequence says that a run has other records than the writer thought.
	ErrSequence = errors.New("the run has other records than expected")
	// ErrFenced says that another process has taken the state over.
	ErrFenced = errors.New("another process has taken this state over")
)

// ErrExists says that there is a run of that name.
var ErrExists = errors.New("there is such a run")

// The classes of [Error].
const (
	ClassNotFound   = "not_found"
	ClassInvalid    = "invalid"
	ClassRefused    = "refused" // it could be done, and is not: something of value is in the way
	ClassClosed     = "closed"  // the runtime no longer takes inputs
	ClassJournal    = "journal" // what happens can no longer be recorded
	ClassUnreadable = "unreadable"
)

// Error is an error of the runtime that a person can act on.
type Error struct {
	class string
	What  string
	hint  string
	Err   error
}

// NewError returns an error of a class; hint says what to do next, err is
// what it wraps. hint may be empty and err nil.
func NewError(class, what, hint string, err error) *Error {
	return &Error{class: class, What: what, hint: hint, Err: err}
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.What, e.Err)
	}
	return e.What
}

// Unwrap returns what the error wraps.
func (e *Error) Unwrap() error { return e.Err }

// Class sorts the error for machines.
func (e *Error) Class() string { return e.class }

// Hint says what to do next; it may be empty.
func (e *Error) Hint() string { return e.hint }
