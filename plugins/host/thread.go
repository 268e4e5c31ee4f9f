package host

import "runtime"

// thread is one operating system thread, on which all children are started:
// the kernel's parent-death signal means the death of a thread, and the Go
// runtime is free to end any other.
type thread struct{ work chan func() }

func newThread() *thread {
	t := &thread{work: make(chan func())}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and stragglers with it
		for f := range t.work {
			f()
		}
	}()
	return t
}

func (t *thread) do(f func()) {
	done := make(chan struct{})
	t.work <- func() { defer close(done); f() }
	<-done
}

// close ends the thread. Nothing may call do any more.
func (t *thread) close() { close(t.work) }
