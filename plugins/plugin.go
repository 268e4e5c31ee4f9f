// Package plugins is the kit for authors of firebreak plugins, and the only
// stable Go API of the project. A plugin is a process: its main calls [Serve]
// with a value that implements [Plugin].
package plugins

import (
	"context"
	"encoding/json"
	"time"
)

// Effect says what an action may do to the world. A plugin may declare a
// stronger effect than its capability's contract, never a weaker one.
type Effect string

// The effects, weakest first.
const (
	Read         Effect = "read"         // changes nothing
	Mutate       Effect = "mutate"       // changes something that can be made again
	Irreversible Effect = "irreversible" // loses data, or what cannot be made again
)

// Action describes one thing that a plugin can do.
type Action struct {
	Name           string          // capability.verb, such as settings.rollback
	Effect         Effect          //
	Input          json.RawMessage // JSON Schema of the input
	Output         json.RawMessage // JSON Schema of the outputs
	Undo           string          // the action that takes this action's receipt; empty: cannot be undone
	Idempotent     bool            // running it again with the same input and Expect changes nothing more
	Probe          bool            // Bound.Probe can tell whether a lost call happened
	SettlesIn      time.Duration   // after a lost call is gone, how long until its effect can no longer arrive
	NoPrecondition bool            // the action cannot compare-and-set; people are told
	Doc            string          // one sentence for people
}

// Description is what a plugin says of itself. It is constant for one binary.
type Description struct {
	Name    string
	Version string
	Actions []Action
	Config  map[string]json.RawMessage // JSON Schema of the plugin's section of firebreak.yaml, by capability ("" for a tool)
}

// Plugin is implemented by a plugin's author. Both methods may be called
// from many goroutines at once.
type Plugin interface {
	// Describe does not block and needs no network.
	Describe() Description
	// Bind readies the plugin for one section of firebreak.yaml. It may
	// start connecting in the background but must return at once; a
	// section that cannot be used is an error that names the key.
	Bind(Binding) (Bound, error)
}

// Binding is one section of firebreak.yaml, secrets resolved.
type Binding struct {
	Service    string
	Capability string // empty for a tool
	Access     Effect // Read: only the read credential is in Config
	Config     json.RawMessage
}

// Bound acts on one bound resource. Its methods may be called from many
// goroutines at once, and return when ctx ends.
type Bound interface {
	// Resource is the identity of what is acted on, such as
	// postgres:host:port/db. Locks are taken on it. Empty for a tool
	// whose call names its own resource.
	Resource() string
	// Plan says exactly what Run would do, and changes nothing. Only
	// mutating actions are planned.
	Plan(ctx context.Context, call Call) (Plan, error)
	// Run performs the action. It ends at the next safe point, partial
	// and with a receipt, once call.Stop is closed; it is never cut in
	// the middle of a change by a well-behaved host.
	Run(ctx context.Context, call Call, to Stream) Outcome
	// Probe finds out whether a call whose outcome was lost took effect.
	// undo is what Plan returned as Undo. Called only for actions that
	// declare Probe.
	Probe(ctx context.Context, call Call, undo json.RawMessage) Probed
	// Health says whether the resource can be reached, in words.
	Health(ctx context.Context) error
	// Close releases what Bind and the calls opened.
	Close() error
}

// Call is one invocation of an action.
type Call struct {
	ID       string          // stable: the same id means the same call
	Action   string          //
	Input    json.RawMessage // valid against the action's input schema; empty when Receipt is set
	Expect   string          // fingerprint that the target must have; empty: no expectation
	Receipt  json.RawMessage // set when this call undoes an earlier one
	Deadline time.Time       // zero: none beyond ctx
	Origin   Origin          // of a change that is made or undone: on whose word
	Stop     <-chan struct{} // closed: end at the next safe point
}

// Until returns a context that ends with ctx, by cancel, and once the call is
// to stop: for what has nothing to finish.
func (c Call) Until(ctx context.Context) (until context.Context, cancel context.CancelFunc) {
	until, cancel = context.WithCancel(ctx)
	go func() {
		select {
		case <-c.Stop:
			cancel()
		case <-until.Done():
		}
	}()
	return until, cancel
}

// Origin is on whose word a change is made, for the record that the target
// keeps. It is no proof of who they are, and nothing to grant rights by.
type Origin struct {
	Run         string   // which it belongs to; empty: none
	RequestedBy string   // who or what began that run
	ApprovedBy  []string // who said yes to the change, the first one first
}

// Stream carries what a running call reports. Its methods may be called
// from any goroutine until Run returns; they do not block for long.
type Stream interface {
	Progress(done, total int, text string)
	Log(level, text string) // level: debug, info, warn or error
}

// Plan says exactly what a mutating action will do.
type Plan struct {
	Binding     json.RawMessage // what will be done, and to what; canonical; a vote approves it
	Detail      string          // for people: the difference, line by line
	Fingerprint string          // of the state that the action overwrites
	BlastRadius BlastRadius
	Undo        json.RawMessage // the receipt to undo with if the outcome is lost
	Resource    string          // identity of what would change, when narrower than the binding's
}

// BlastRadius counts what an action touches.
type BlastRadius struct {
	Unit     string `json:"unit"` // replicas, sessions, settings
	Affected int    `json:"affected"`
	Total    int    `json:"total,omitempty"` // 0: not known
}

// Applied says how much of a mutation took effect.
type Applied string

// How much of a mutation took effect.
const (
	None    Applied = "none"
	All     Applied = "all"
	Partial Applied = "partial" // the receipt says what
	Unknown Applied = "unknown"
)

// Classes of failure. A runbook's retry.on names them.
const (
	Timeout      = "timeout"
	Unavailable  = "unavailable"
	Invalid      = "invalid"
	Denied       = "denied"
	Drift        = "drift"    // the target is not what Expect says
	Conflict     = "conflict" // somebody else is changing it now
	NotFound     = "not_found"
	Inconclusive = "inconclusive" // a sample that says neither yes nor no
	Cancelled    = "cancelled"
	Internal     = "internal"
)

// Failure is an error with a class. Plan and Bind may return it, wrapped or
// not; any other error counts as class internal.
type Failure struct {
	Class  string
	Reason string // for people: what happened and what to do
}

func (f *Failure) Error() string { return f.Reason }

// Outcome is how a call ended.
type Outcome struct {
	Failure *Failure // nil: succeeded
	Applied Applied  // of a mutation; a success that changed nothing is None
	Outputs json.RawMessage
	Receipt json.RawMessage // what the undo action needs
	Left    string          // fingerprint of the target after the action
}

// Probed is what became of a lost call. Applied Unknown means that it
// cannot be told.
type Probed struct {
	Applied Applied
	Outputs json.RawMessage
	Receipt json.RawMessage
	Left    string
	Reason  string
}
