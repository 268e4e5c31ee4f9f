// Package alerts turns what alert sources send into alerts, and finds the
// runbook that answers one. It is pure: bytes and headers are handed to it, and
// nothing in it waits, stores or starts.
package alerts
