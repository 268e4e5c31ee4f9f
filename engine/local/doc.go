// Package local is the embedded runtime. It owns the runs of one state and
// drives each of them through one serialised cycle: decide, store, apply,
// then start and stop what the run should have open.
//
// Nothing that a decision leads to begins before its records are durable. A
// waiting run costs its rows in the journal, an entry among the timers and
// its place in a queue for locks; no goroutine and no parsed runbook is held
// for it. Everything is pushed; nothing is polled.
//
// The package knows no database, no plugin and no network: it declares the
// ports [Journal], [State] and [Executor], and others implement them.
package local
