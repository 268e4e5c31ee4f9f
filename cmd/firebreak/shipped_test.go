package main

import (
	"bytes"
	"testing"
)

// TestShippedRunbooks plays the tests of the shipped runbooks, which reach all
// of them.
func TestShippedRunbooks(t *testing.T) {
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, env: func(string) string { return "" }}
	if code := execute(t.Context(), a, []string{"test", "../../runbooks", "--coverage", "--min", "100"}); code != exitOK {
		t.Errorf("exit code %s\n%s%s", code, &out, &errs)
	}
}
