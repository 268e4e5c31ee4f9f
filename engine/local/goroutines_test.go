package local

import "runtime"

// goroutines counts them once every run has come to rest.
func goroutines(w *world) int {
	w.advances.Wait()
	return runtime.NumGoroutine()
}
