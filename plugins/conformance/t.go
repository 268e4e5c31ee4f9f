package conformance

import "context"

// Report is where a rule says what it found. Fatalf ends the rule.
type Report interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// T is one rule while it is tried: that of the testing package, or that of a
// command. Its methods are called from the goroutine of the rule.
type T interface {
	Report
	Name() string
	Context() context.Context        // ends before the clean-up
	Cleanup(f func())                // f is called when the rule and those within it are over, last first
	Run(name string, rule func(t T)) // a rule within the rule; blocks until it is over
}
