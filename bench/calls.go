package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// call is a call of the plugin, as the plugin saw it.
type call struct {
	at   time.Time
	what string // plan or run
	run  string
}

// called lists the calls that came after a time.
func (p *product) called(after time.Time) ([]call, error) {
	text, err := os.ReadFile(p.calls)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nothing was called yet
	}
	if err != nil {
		return nil, err
	}
	var calls []call
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s has a line %q", p.calls, line)
		}
		n, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return nil, err
		}
		run, _, _ := strings.Cut(fields[2], "/")
		if at := time.Unix(0, n); at.After(after) {
			calls = append(calls, call{at: at, what: fields[1], run: run})
		}
	}
	return calls, nil
}
