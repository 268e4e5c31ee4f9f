package pgbouncer

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// limits are how long things may take. Tests, whose machine may be a busy one,
// give them more.
type limits struct {
	// answer is for one call: a diagnosis that waits is of no use.
	answer time.Duration
	// try is for one connection, so that there is time for a fresh one when the
	// one kept open turns out to be dead.
	try time.Duration
	// arm is for an attendant to be ready.
	arm time.Duration
}

func usualLimits() limits {
	return limits{answer: 2 * time.Second, try: 900 * time.Millisecond, arm: 3 * time.Second}
}

type bound struct {
	resource string
	access   plugins.Effect
	console  *console
	cancel   context.CancelFunc
	loop     sync.WaitGroup

	login  *login
	attend []string
	within limits
	life   context.Context // ends when this is closed

	mu        sync.Mutex
	past      past
	attendant map[string]*attendant // of what we have paused, by database
}

func newBound(access plugins.Effect, l *login, p plugin) *bound {
	ctx, cancel := context.WithCancel(context.Background())
	b := &bound{resource: identity(l.Config), access: access, login: l, console: newConsole(l.Config, p.within.try), cancel: cancel, attend: p.attend, within: p.within, life: ctx, attendant: map[string]*attendant{}}
	if access == plugins.Read {
		b.loop.Go(func() { b.sample(ctx) })
	}
	return b
}

// sample looks again and again, until ctx ends.
func (b *bound) sample(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		var s sample
		err := b.console.do(ctx, func(ctx context.Context, conn *pgconn.PgConn) (err error) {
			s, err = look(ctx, conn)
			return err
		})
		if err == nil {
			b.remember(s)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (b *bound) remember(s sample) past {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.past); n == 0 || s.at.After(b.past[n-1].at) {
		b.past = b.past.with(s)
	}
	return b.past
}

// Resource implements plugins.Bound.
func (b *bound) Resource() string { return b.resource }

// Close implements plugins.Bound.
func (b *bound) Close() error {
	b.cancel()
	b.release()
	b.loop.Wait()
	b.console.close()
	return nil
}

// Health implements plugins.Bound.
func (b *bound) Health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.within.answer)
	defer cancel()
	if err := b.console.do(ctx, knock); err != nil {
		return classify(b.resource, err)
	}
	return nil
}

// Run implements plugins.Bound.
func (b *bound) Run(ctx context.Context, call plugins.Call, _ plugins.Stream) plugins.Outcome {
	select {
	case <-call.Stop:
		return failed(plugins.Fail(plugins.Cancelled, "stopped before anything was done"))
	default:
	}
	if call.Action == actionPause { // which takes as long as it was told
		return b.pause(ctx, call)
	}
	ctx, cancel := context.WithTimeout(ctx, b.within.answer)
	defer cancel()
	switch call.Action {
	case actionStatus:
		return b.status(ctx, call)
	case actionResize:
		return b.resize(ctx, call)
	case actionReload:
		return b.reload(ctx, call)
	case actionResume:
		return b.resume(ctx, call)
	}
	return failed(unknownAction(call.Action))
}

// Plan implements plugins.Bound.
func (b *bound) Plan(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, b.within.answer)
	defer cancel()
	switch call.Action {
	case actionResize:
		return b.planResize(ctx, call)
	case actionReload:
		return b.planReload(ctx, call)
	case actionPause:
		return b.planPause(ctx, call)
	case actionResume:
		return b.planResume(ctx, call)
	}
	return plugins.Plan{}, unknownAction(call.Action)
}

func (b *bound) status(ctx context.Context, call plugins.Call) plugins.Outcome {
	in, err := capability.Input[capability.PoolerInput](call.Action, call.Input)
	if err != nil {
		return failed(err)
	}
	r, err := b.read(ctx)
	if err != nil {
		return failed(err)
	}
	out := r.status(in.Rows)
	out.Resource = b.resource
	out.Now, out.Baseline, out.Onset = b.remember(r.sample).figures()
	return succeeded(plugins.None, out, nil)
}

func (b *bound) read(ctx context.Context) (r reading, err error) {
	err = b.console.do(ctx, func(ctx context.Context, conn *pgconn.PgConn) (err error) {
		r, err = read(ctx, conn)
		return err
	})
	if err != nil {
		return reading{}, classify(b.resource, err)
	}
	return r, nil
}

func (b *bound) observed() capability.Observed {
	return capability.Observed{ObservedAt: time.Now().UTC(), Resource: b.resource}
}

func unknownAction(name string) *plugins.Failure {
	return plugins.Fail(plugins.Invalid, "plugin pgbouncer has no such action %q; it has %s, %s, %s, %s and %s", name, actionPause, actionReload, actionResize, actionResume, actionStatus)
}

func failed(err error) plugins.Outcome {
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
}

// succeeded encodes what is said; receipt may be nil.
func succeeded(applied plugins.Applied, outputs, receipt any) plugins.Outcome {
	o := plugins.Outcome{Applied: applied}
	var err error
	if o.Outputs, err = json.Marshal(outputs); err == nil && receipt != nil {
		o.Receipt, err = json.Marshal(receipt)
	}
	o.Failure = plugins.AsFailure(err)
	return o
}
