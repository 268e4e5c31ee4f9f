package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// limits are how long things may take. Tests, whose machine may be a busy one,
// give them more.
type limits struct {
	answer time.Duration // one reading
	page   time.Duration // one page of it
}

func usualLimits() limits { return limits{answer: 2 * time.Second, page: time.Second} }

type bound struct {
	within   limits
	resource string
	source   source
}

// Resource implements plugins.Bound.
func (b *bound) Resource() string { return b.resource }

// Plan implements plugins.Bound. There is nothing to plan: all actions read.
func (b *bound) Plan(context.Context, plugins.Call) (plugins.Plan, error) {
	return plugins.Plan{}, plugins.Fail(plugins.Invalid, "plugin prometheus has no action that changes anything, so there is nothing to plan")
}

// Probe implements plugins.Bound. A read has no effect to look for.
func (b *bound) Probe(context.Context, plugins.Call, json.RawMessage) plugins.Probed {
	return plugins.Probed{Applied: plugins.None, Reason: "a read changes nothing"}
}

// Health implements plugins.Bound.
func (b *bound) Health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.within.answer)
	defer cancel()
	return b.source.health(ctx)
}

// Close implements plugins.Bound.
func (b *bound) Close() error {
	b.source.close()
	return nil
}

// Run implements plugins.Bound.
func (b *bound) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	ctx, cancel := context.WithTimeout(ctx, b.within.answer)
	defer cancel()
	ctx, end := call.Until(ctx)
	defer end()
	out, err := b.answer(ctx, call, to)
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	return plugins.Outcome{Applied: plugins.None, Outputs: raw}
}

func (b *bound) answer(ctx context.Context, call plugins.Call, to plugins.Stream) (any, error) {
	switch call.Action {
	case actionPool:
		in, err := capability.Input[capability.PoolInput](call.Action, call.Input)
		if err != nil {
			return nil, err
		}
		return b.pool(ctx, in.Window.Std(), to)
	case actionHealth:
		in, err := capability.Input[capability.HealthInput](call.Action, call.Input)
		if err != nil {
			return nil, err
		}
		heard, _, err := b.heard(ctx, in.Window.Std()+time.Minute, to)
		if err != nil {
			return nil, err
		}
		out, err := healthOf(heard, in.Window.Std(), in.NotBefore)
		out.Resource = b.resource
		return out, err
	case actionQuery:
		in, err := capability.Input[capability.QueryInput](call.Action, call.Input)
		if err != nil {
			return nil, err
		}
		series, err := b.source.query(ctx, in.Query, in.At)
		if err != nil {
			return nil, err
		}
		return b.queried(series, in.At), nil
	}
	return nil, plugins.Fail(plugins.Invalid, "plugin prometheus has no action %q, only %s, %s and %s", call.Action, actionHealth, actionPool, actionQuery)
}

// settle is how old an onset must be before its figures say much: what was
// finished in the first moments was mostly begun before.
const settle = 500 * time.Millisecond

// pool answers metrics.pool. Where the onset is only moments ago it waits a
// moment, and looks again.
func (b *bound) pool(ctx context.Context, window time.Duration, to plugins.Stream) (capability.PoolOutput, error) {
	for again := false; ; again = true {
		heard, silent, err := b.heard(ctx, keepFor, to)
		if err != nil {
			return capability.PoolOutput{}, err
		}
		out, err := poolOf(heard, window)
		out.Resource, out.Silent = b.resource, silent
		if err != nil || out.Onset == nil || again {
			return out, err
		}
		age := out.ObservedAt.Sub(*out.Onset)
		if age >= settle {
			return out, nil
		}
		select {
		case <-time.After(settle - age):
		case <-ctx.Done():
			return out, nil
		}
	}
}

// heard returns the histories of the replicas that answer, and says which do
// not.
func (b *bound) heard(ctx context.Context, back time.Duration, to plugins.Stream) ([]history, []string, error) {
	heard, silent, err := b.source.histories(ctx, back)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range silent {
		to.Log("warn", fmt.Sprintf("%s does not answer; it is left out", name))
	}
	return heard, silent, nil
}

func (b *bound) queried(series []capability.Series, at time.Time) capability.QueryOutput {
	if at.IsZero() {
		at = time.Now()
	}
	out := capability.QueryOutput{
		Observed: capability.Observed{ObservedAt: at.UTC(), Resource: b.resource},
		Samples:  len(series), Series: series,
	}
	if len(series) == 1 {
		out.Value = &series[0].Value
	}
	return out
}
