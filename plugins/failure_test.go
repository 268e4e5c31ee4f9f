package plugins

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestAsFailure(t *testing.T) {
	tests := []struct {
		err   error
		class string
	}{
		{fmt.Errorf("reading the ref: %w", Fail(Conflict, "%s is locked", "main")), Conflict},
		{fmt.Errorf("dial: %w", context.DeadlineExceeded), Timeout},
		{context.Canceled, Cancelled},
		{errors.New("boom"), Internal},
	}
	for _, test := range tests {
		got := AsFailure(test.err)
		if got.Class != test.class || got.Reason != test.err.Error() {
			t.Errorf("%v became %+v, want class %s", test.err, got, test.class)
		}
	}
	if AsFailure(nil) != nil {
		t.Error("no error became a failure")
	}
}
