package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// Runs is what the server asks of a runtime.
type Runs interface {
	// Give gives a run an input and returns when it is durable.
	Give(ctx context.Context, run string, in engine.Input) error
	// Run returns a run as it stands.
	Run(ctx context.Context, id string) (engine.Run, error)
	// Watch returns a run's records from a number on, also those to come; the
	// channel is closed after the last one, and when ctx ends.
	Watch(ctx context.Context, run string, from int) (<-chan engine.Record, error)
}

// Stops gives orders that concern many runs at once.
type Stops interface {
	// Order stops what the request names, or lifts that stop.
	Order(ctx context.Context, by string, req StopRequest, on bool) error
	// Standing lists what is stopped, in the order in which it was said.
	Standing() []engine.Stop
}

// Request is one of another machine that was answered.
type Request struct {
	Method, Route string // the route as it is registered; empty: there is none
	From          string // the address
	By            Caller // the zero one is nobody
	Status        int
	Took          time.Duration
}

// Config is what a server needs. Every field is required unless it says
// otherwise. An error that has a method Class() string is answered with that
// class; see [Problem].
type Config struct {
	Socket string // where to listen; see [SocketPath]
	State  string // the state file, whose owner may connect; may be empty
	Runs   Runs
	Stops  Stops

	Tokens  Tokens
	Changes Changes

	// List lists runs, newest first.
	List func(ctx context.Context, q Query) ([]engine.Head, error)
	// Blocker is the run that keeps another from its locks; empty: none does.
	// Optional.
	Blocker func(run engine.Run) string
	// Live calls to for what the calls of a run say while they go on, until
	// ctx ends. to does not block.
	Live func(ctx context.Context, run string, to func(Progress))
	// Start begins a run and returns its id when that is durable.
	Start func(ctx context.Context, by Caller, req StartRequest) (id string, err error)
	// Retry begins a run that goes on from a step of one that has ended.
	Retry func(ctx context.Context, by Caller, ended engine.Run, from string) (id string, err error)
	// Undo begins a run that undoes one that has ended.
	Undo func(ctx context.Context, by Caller, ended engine.Run, reason string) (id string, err error)
	// UndoOf is the run that undoes one which has ended, or that has undone
	// some of it; nil: there is none.
	UndoOf func(ctx context.Context, run string) (*engine.Run, error)
	// Prune gives up runs that have ended, or refuses it.
	Prune func(ctx context.Context, by Caller, req PruneRequest) (Pruned, error)
	// Reload reads the runbooks that are known by name anew, or refuses it.
	Reload func(ctx context.Context, by Caller) (Reloaded, error)
	// Plugins tells what the plugins are doing, as JSON.
	Plugins func(ctx context.Context) (json.RawMessage, error)
	// Runbooks lists the runbooks that the owner knows, without their texts.
	Runbooks func(ctx context.Context) ([]RunbookView, error)
	// Runbook returns one of them, with its text.
	Runbook func(ctx context.Context, name string) (RunbookView, error)
	// Services lists those of the configuration, without what stops them.
	Services func() []ServiceView
	// Alerts lists alerts, the last first, those that come after the one of a
	// number; 0: all.
	Alerts func(ctx context.Context, limit int, after int64) ([]AlertView, error)
	// Audit tells what stands for everything that is recorded, and the last
	// acts of people; 0: all of them.
	Audit func(ctx context.Context, limit int, after int64) (AuditView, error)
	// Metrics answers with the metrics; nil: there are none.
	Metrics http.Handler
	// MetricsOpen lets everybody read them.
	MetricsOpen bool
	// Heard hears of each request of another machine that was answered, but for
	// those that follow a run. It does not block. nil: nobody does.
	Heard func(Request)
	// Ready says why work that comes now would not be done; nil when it would.
	Ready func() error
	// Snapshot reads what a diagnosis of a service needs, as JSON; since is how
	// far back changes count.
	Snapshot func(ctx context.Context, service string, since time.Duration) (json.RawMessage, error)
	// Policy tells what the rules of the configuration say of a time; zero: now.
	Policy func(ctx context.Context, at time.Time) (PolicyView, error)
	// Person maps a user of the operating system to a person of the
	// configuration; "" when the user is nobody in it.
	Person func(osUser string) string

	// Chat tells how the way to people in a chat is, as JSON; nil: there is
	// none.
	Chat func() json.RawMessage

	Drives     bool // runs go on here; otherwise what people say is only recorded
	Version    string
	Generation int
	Now        func() time.Time // nil: time.Now
}
