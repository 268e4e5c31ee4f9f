// Package metrics counts what an owner does, for Prometheus. It hears of
// records once they are durable, and of calls once they have ended.
package metrics
