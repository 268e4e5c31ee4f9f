package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	answerWithin = 2 * time.Second
	shedWithin   = 30 * time.Second
)

// queue is a list or a stream.
type queue interface {
	// waiting says how many wait, and since when the oldest has; the zero
	// time where that is not known.
	waiting(context.Context) (n int, oldest time.Time, err error)
	// move moves some of the oldest that were queued until then, one at
	// least where there is one; limit is the most. more is false when none
	// is left.
	move(ctx context.Context, until time.Time, everything bool, limit int) (moved int, more bool, err error)
}

type bound struct {
	access  plugins.Effect
	section section
	server  server
	address string // of the queue
}

func newBound(access plugins.Effect, s section, at server) *bound {
	return &bound{access: access, section: s, server: at, address: fmt.Sprintf("redis:%s/%d/%s", at.address, at.database, s.key())}
}

// open connects to the queue; close gives the connection up. Each call has its
// own: one that was kept would be stale when it is needed.
func (b *bound) open(ctx context.Context) (q queue, closeConn func(), err error) {
	conn, err := b.server.connect(ctx)
	if err != nil {
		return nil, nil, b.classify(err)
	}
	closeConn = func() { _ = conn.Close() } // what was asked was answered
	if b.section.List != "" {
		return &list{conn, b.section}, closeConn, nil
	}
	return &stream{conn, b.section}, closeConn, nil
}

// look is what waits now.
func (b *bound) look(ctx context.Context) (n int, oldest time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	q, closeConn, err := b.open(ctx)
	if err != nil {
		return 0, time.Time{}, err
	}
	defer closeConn()
	if n, oldest, err = q.waiting(ctx); err != nil {
		return 0, time.Time{}, b.classify(err)
	}
	return n, oldest, nil
}

// Resource implements plugins.Bound.
func (b *bound) Resource() string { return b.address }

// Close implements plugins.Bound.
func (b *bound) Close() error { return nil }

// Health implements plugins.Bound.
func (b *bound) Health(ctx context.Context) error {
	_, _, err := b.look(ctx)
	return err
}

// Probe implements plugins.Bound. backlog.shed does not declare it: it may be
// done again.
func (b *bound) Probe(context.Context, plugins.Call, json.RawMessage) plugins.Probed {
	return plugins.Probed{Applied: plugins.Unknown, Reason: "what was moved is in " + b.section.ShedTo}
}

// Run implements plugins.Bound.
func (b *bound) Run(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	switch call.Action {
	case actionStatus:
		return b.status(ctx, call)
	case actionShed:
		return b.shed(ctx, call, to)
	}
	return failed(unknownAction(call.Action))
}

func (b *bound) status(ctx context.Context, call plugins.Call) plugins.Outcome {
	if _, err := capability.Input[capability.BacklogInput](call.Action, call.Input); err != nil {
		return failed(err)
	}
	n, oldest, err := b.look(ctx)
	if err != nil {
		return failed(err)
	}
	out := capability.BacklogOutput{Observed: b.observed(), Waiting: n}
	if n > 0 && !oldest.IsZero() {
		age := max(0, time.Since(oldest).Seconds())
		out.OldestS = &age
	}
	raw, err := json.Marshal(out)
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None, Outputs: raw}
}

func (b *bound) observed() capability.Observed {
	return capability.Observed{ObservedAt: time.Now().UTC(), Resource: b.address}
}

func (b *bound) classify(err error) *plugins.Failure {
	if own, ok := errors.AsType[*plugins.Failure](err); ok {
		return own
	}
	f := &plugins.Failure{Class: plugins.Unavailable, Reason: fmt.Sprintf("%s: %v", b.address, err)}
	var network net.Error
	text := err.Error()
	if spoken, ok := errors.AsType[redis.Error](err); ok {
		text = string(spoken) // without what is in front of it
	}
	switch {
	case errors.Is(err, context.Canceled):
		f.Class = plugins.Cancelled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		f.Class = plugins.Timeout
	case strings.HasPrefix(text, "WRONGPASS"), strings.HasPrefix(text, "NOAUTH"), strings.HasPrefix(text, "NOPERM"):
		f.Class = plugins.Denied
		f.Reason += "; correct the secrets of the section backlog, or give the login what it lacks"
	case strings.HasPrefix(text, "WRONGTYPE"):
		f.Class = plugins.Invalid
		f.Reason += "; the section backlog names it as list or stream, and it is something else"
	case strings.HasPrefix(text, "NOGROUP"), strings.Contains(text, "no such key"):
		f.Class = plugins.NotFound
	}
	return f
}

// isSpoken says whether the error is the server's own word, which it gives
// without having done anything.
func isSpoken(err error) bool {
	_, spoken := errors.AsType[redis.Error](err)
	return spoken
}

func unknownAction(name string) *plugins.Failure {
	return plugins.Fail(plugins.Invalid, "plugin redis has no such action %q; it has %s and %s", name, actionShed, actionStatus)
}

func failed(err error) plugins.Outcome {
	return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
}
