// Package sqlite keeps the state of the embedded runtime in one SQLite file:
// the records of every run, append-only, and what follows from them.
//
// One process at a time owns the file. It holds a lock on FILE.lock, whose
// text says who it is, and a generation in the file, which every transaction
// checks: an owner that lost the file unawares can write nothing more.
//
// All writes go through one connection and one goroutine, which puts whatever
// waits at the same time into one transaction: many runs share one sync of
// the disk.
package sqlite
