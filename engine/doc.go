// Package engine decides what a run does next. It is pure: no clock, no
// input or output, no goroutine.
//
//   - [Decide] takes a run and an input and returns the events that follow.
//     It is the only place where choices are made.
//   - [Apply] folds one recorded event into a run. It never fails, so that
//     old events apply for ever.
//   - [Pending] derives from a run the commands that should be open now.
//   - [Reconcile] compares them with what a runtime has open.
//
// A runtime stores all records of one Decide in one transaction, and only
// then starts and stops commands. semantics.md beside this file is the
// contract, cell by cell.
package engine
