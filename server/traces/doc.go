// Package traces tells an OpenTelemetry collector what runs did: a run is a
// trace, its steps, their attempts and the calls of plugins are its spans. It
// hears of records once they are durable, and holds nothing up: what a
// collector does not take in time is lost.
package traces
