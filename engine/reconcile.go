package engine

import "slices"

// Reconcile compares what a runtime has open with what should be open. It
// returns the commands to start, in the order of want, and the ids to stop.
// What is open under the same id is left alone.
func Reconcile(open map[string]bool, want []Command) (start []Command, stop []string) {
	wanted := make(map[string]bool, len(want))
	for _, c := range want {
		id := c.CommandID()
		wanted[id] = true
		if !open[id] {
			start = append(start, c)
		}
	}
	for id := range open {
		if !wanted[id] {
			stop = append(stop, id)
		}
	}
	slices.Sort(stop)
	return start, stop
}
