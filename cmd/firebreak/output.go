package main

import (
	"io"
	"sync"
)

// output is what a command writes to. It remembers the first write that
// failed, so that no command can end well whose words were lost. It may be
// called from several goroutines as far as the writer below it may.
type output struct {
	to io.Writer

	mu  sync.Mutex
	err error
}

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
	}
	return n, err
}

// failed is why something could not be written, or nil.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
