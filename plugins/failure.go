package plugins

import (
	"context"
	"errors"
	"fmt"
)

// Fail makes a failure of the given class. The text is for people: what
// happened, and what to do.
func Fail(class, format string, args ...any) *Failure {
	return &Failure{Class: class, Reason: fmt.Sprintf(format, args...)}
}

// AsFailure gives err a class: its own when a [Failure] is in its chain,
// timeout or cancelled when its context ended, internal otherwise. It is
// nil when err is.
func AsFailure(err error) *Failure {
	if err == nil {
		return nil
	}
	class := Internal
	var own *Failure
	switch {
	case errors.As(err, &own) && own != nil:
		class = own.Class
	case errors.Is(err, context.DeadlineExceeded):
		class = Timeout
	case errors.Is(err, context.Canceled):
		class = Cancelled
	}
	return &Failure{Class: class, Reason: err.Error()}
}
