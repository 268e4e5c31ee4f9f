package engine

import (
	"encoding/json"
	"time"
)

// GuardAnswered keeps what a guard read. Whether it holds follows.
type GuardAnswered struct {
	Path   string          `json:"path"`
	Answer json.RawMessage `json:"answer"`
}

// Kind implements [Event].
func (GuardAnswered) Kind() string { return "guard_answered" }

func (GuardAnswered) apply(*Run, time.Time) {}
