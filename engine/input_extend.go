package engine

import "time"

// Extend keeps a gate open longer than its runbook says.
type Extend struct {
	By       string
	Question string
	For      time.Duration // at most the time that the runbook gives; 0: that
	Via      Via
}

func (Extend) isInput() {}

// Who implements [Person].
func (e Extend) Who() string { return e.By }

// Came implements [Channelled].
func (e Extend) Came() Via { return e.Via }
