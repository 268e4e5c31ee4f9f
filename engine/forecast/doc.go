// Package forecast says what a run would do, without doing it. It is pure: the
// runbook, the run as far as it got by reading alone, and what plugins answered
// to plans and guards go in; a [Forecast] comes out, and what may still be
// asked of plugins to know more. It decides nothing and changes nothing.
//
// # What is supposed
//
// Where the run would ask people, they say yes. Where it would change
// something, the change succeeds and holds, but what it returns is not known:
// a condition or an input that reads that is shown with the names it depends
// on. What is read behind a change is not read now, and not known either. A
// failure of a plan or an input is shown at its step, and the rest goes on as
// if it had worked.
//
// # The longest time
//
// A [Cost] is an upper bound for a way on which nothing fails but what is tried
// again. Machine time and people's time are apart. With `timeout` as T
// (30 s for a read, 10 min for a change, where the runbook does not say), and
// 30 s for each plan and guard:
//
//	read        guard + attempts·T + pauses
//	change      attempts·(plan + guard + T) + pauses
//	retry       pauses: the sum of backoff·2^n, each at most max_backoff
//	wait        its time, or its within
//	verify      its within
//	gate        people: the sum of its roles' `for`; machine: 30 s to plan what it shows
//	ask         people: the sum of its roles' `for`
//	group       gate + guard + the sum of its steps + verify
//	parallel    gate + guard + the longest of its steps + verify, machine and people each for itself
//	foreach     gate + guard + its items + verify: as many rounds as concurrency
//	            makes of them, each the longest of them, or their sum if that is less;
//	            where its list is not known one item is counted
//	call        as a group
//	timeout     of a group or run: its machine time is at most T and the longest
//	            change in it, which is never cut
//	undo        (plan + T of the step) x tries + pauses + within of its own verify
//	skipped     nothing
//
// There is no limit where a person decides without one: about a verify that
// says neither yes nor no, or fails with `on_fail: ask`, about a change whose
// outcome nothing can tell, and about an undo whose target somebody else has
// changed; nor where nobody knows how many items a list has. Each is named. Not counted: the time in which
// another run has the locks, stops, answers that are void and asked for again,
// and the time in which firebreak itself is not there.
package forecast
