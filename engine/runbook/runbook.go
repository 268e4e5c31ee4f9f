// Package runbook turns the bytes of a runbook into a checked [Runbook], or
// into problems with their positions. It opens no files.
package runbook

import (
	"time"

	"github.com/firebreak-ops/firebreak/engine/expr"
)

// Runbook is a parsed and checked runbook. It is immutable: many runs may
// share one.
type Runbook struct {
	File      string // for messages
	Name      string
	Title     string
	Owner     string
	Digest    string // sha256:… of what is pinned
	Pinned    []byte // its bytes, and those of the runbooks that it calls; see [Load]
	Inputs    []Input
	Service   *expr.Value // nil: the runbook has no service
	Triggers  []Trigger
	Timeout   time.Duration // of the run; 0: none
	OnLocked  string        // what it does where another run may change the same; see [OnLockedQueue]
	Steps     []*Step
	OnFailure []*Step
	Finally   []*Step
	Outputs   *expr.Value // nil: it has none
	Frame     *Frame      // of its own steps

	byPath map[string]*Step
}

// What a run does where another run may change the same thing.
const (
	OnLockedQueue = "queue" // wait for its turn
	OnLockedSkip  = "skip"  // end as refused
	OnLockedJoin  = "join"  // the same, where the other run does the same; else wait
)

// Input is one declared input of a runbook.
type Input struct {
	Name     string
	Type     *expr.Type
	Service  bool // the type is `service`: the name of a configured service
	Required bool
	Default  any
	Doc      string
	Pos      Pos
}

// Trigger says which alerts start the runbook.
type Trigger struct {
	Alert    *expr.Program
	Inputs   map[string]*expr.Value
	Cooldown time.Duration
	Pos      Pos
}

// Step returns the step at a path, or nil.
func (r *Runbook) Step(path string) *Step { return r.byPath[path] }

// ByID returns the step of the runbook's own with an id, or nil. Those of
// runbooks that it calls, and of the items of a foreach, are found by path.
func (r *Runbook) ByID(id string) *Step { return r.Frame.byID[id] }
