package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	actionCancel      = "database.cancel"
	actionConfigure   = "database.configure"
	actionConnections = "database.connections"
	actionLimit       = "database.limit"
	actionTerminate   = "database.terminate"
)

var actions = []string{actionCancel, actionConfigure, actionConnections, actionLimit, actionTerminate}

const (
	// answerWithin is how long one reading may take: a diagnosis that waits
	// is of no use.
	answerWithin = 2 * time.Second
	// warmWithin is what the warm connection may take of it, so that time is
	// left for a cold one when the warm one turns out to be dead.
	warmWithin = 1200 * time.Millisecond
)

type bound struct {
	config *pgx.ConnConfig
	access plugins.Effect
	spare  []string
	warm   *warm
}

func newBound(access plugins.Effect, t target) *bound {
	return &bound{config: t.config, access: access, spare: t.spare, warm: startWarm(t.config)}
}

// Resource implements plugins.Bound.
func (b *bound) Resource() string { return identity(b.config) }

// Close implements plugins.Bound.
func (b *bound) Close() error {
	b.warm.stop()
	return nil
}

// Health implements plugins.Bound.
func (b *bound) Health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	ping := func(ctx context.Context, s *session) error { return s.conn.Ping(ctx) }
	if b.warm.do(ctx, ping) == nil {
		return nil
	}
	conn, attempt := connect(ctx, b.config)
	if conn == nil {
		return fmt.Errorf("%s cannot be reached: %s", b.Resource(), attempt.Text)
	}
	return conn.Close(ctx)
}

// Run implements plugins.Bound.
func (b *bound) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	if call.Action == actionConnections {
		return b.look(ctx, call, to)
	}
	act, err := b.deed(call)
	if err != nil {
		return failed(err)
	}
	select {
	case <-call.Stop:
		return failed(plugins.Fail(plugins.Cancelled, "stopped before anything was done"))
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, actWithin)
	defer cancel()
	return act.run(ctx, call)
}

// look answers database.connections.
func (b *bound) look(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	in, err := capability.Input[capability.ConnectionsInput](call.Action, call.Input)
	if err != nil {
		return failed(err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	ctx, end := call.Until(ctx)
	defer end()
	out, err := b.connections(ctx, in, to)
	if err != nil {
		return failed(err)
	}
	return done(plugins.None, out, nil)
}

// connections reads over the warm connection, and sees at the same time how a
// fresh one fares. Without a warm one the fresh one has to do.
func (b *bound) connections(ctx context.Context, in capability.ConnectionsInput, to plugins.Stream) (capability.ConnectionsOutput, error) {
	type opened struct {
		conn    *pgx.Conn
		attempt capability.Connect
	}
	fresh := make(chan opened, 1)
	go func() {
		conn, attempt := connect(ctx, b.config)
		fresh <- opened{conn, attempt}
	}()

	var facts facts
	var before past
	var usual *float64
	warmCtx, cancel := context.WithTimeout(ctx, warmWithin)
	err := b.warm.do(warmCtx, func(ctx context.Context, s *session) (err error) {
		facts, err = s.collect(ctx)
		before, usual = s.past, s.opened
		return err
	})
	cancel()
	if err != nil && !errors.Is(err, errCold) {
		to.Log("warn", fmt.Sprintf("the warm connection failed, trying a fresh one: %v", err))
	}

	first := <-fresh
	if first.conn != nil {
		defer first.conn.Close(context.WithoutCancel(ctx))
	}
	if err != nil {
		conn, last := first.conn, first.attempt
		if conn == nil {
			conn, last = connectAgain(ctx, b.config, last)
			if conn == nil && in.Refusal {
				return b.turnedAway(last), nil
			}
			if conn == nil {
				return capability.ConnectionsOutput{}, unreachable(b.Resource(), last)
			}
			defer conn.Close(context.WithoutCancel(ctx))
		}
		if facts, err = (&session{conn: conn}).collect(ctx); err != nil {
			return capability.ConnectionsOutput{}, readFailed(b.Resource(), err)
		}
	}
	out := facts.summary(in.Rows)
	out.Now, out.Baseline = before.now(facts.now), before.usual()
	if out.Now != nil {
		out.RowsPerCommit = out.Now.RowsPerCommit
	}
	out.Resource = b.Resource()
	out.Connect = first.attempt
	out.Connect.UsualMS = usual
	return out, nil
}

// turnedAway is the answer when nothing could be read because our login was
// turned away: how it was is something to go by.
func (b *bound) turnedAway(how capability.Connect) capability.ConnectionsOutput {
	return capability.ConnectionsOutput{
		Observed: capability.Observed{ObservedAt: time.Now().UTC(), Resource: b.Resource()},
		Connect:  how, Unread: true,
	}
}
