package host

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
)

const wait = time.Minute // for what takes milliseconds on a machine that is not busy

func builtin(name string) Spec { return Spec{Name: name, Builtin: true} }

// started is a running host, stopped when the test ends.
func started(t *testing.T, config Config) *Host {
	t.Helper()
	h, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		if err := h.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return h
}

func inTime(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	t.Cleanup(cancel)
	return ctx
}

// expiring is a context whose time is over when over is closed.
type expiring struct {
	context.Context

	over chan struct{}
}

func (e expiring) Done() <-chan struct{} { return e.over }

func (e expiring) Err() error {
	select {
	case <-e.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// untilReport is a context whose time is over once a call has reported to the
// sink: it is under way then, however slow the machine is.
func untilReport(t *testing.T) (context.Context, *recorder) {
	t.Helper()
	sink, ctx := newRecorder(), expiring{t.Context(), make(chan struct{})}
	go func() {
		defer close(ctx.over)
		select {
		case <-sink.first:
		case <-t.Context().Done():
		}
	}()
	return ctx, sink
}

func call(id, verb string) Call {
	return Call{ID: id, Action: "demo." + verb, Input: json.RawMessage(`{}`)}
}

// recorder keeps what a call reported, and tells of the first report.
type recorder struct {
	first  chan struct{}
	lines  chan string
	levels chan string
}

func newRecorder() *recorder {
	return &recorder{first: make(chan struct{}, 1), lines: make(chan string, 1000), levels: make(chan string, 1)}
}

func (r *recorder) add(text string) {
	select {
	case r.first <- struct{}{}:
	default:
	}
	select {
	case r.lines <- text:
	default:
	}
}

func (r *recorder) Progress(_, _ int, text string) { r.add(text) }

func (r *recorder) Log(level, text string) {
	select {
	case r.levels <- level:
	default:
	}
	r.add(text)
}

// level is that of the first line that was logged.
func (r *recorder) level() string { return <-r.levels }

func (r *recorder) all() []string {
	var out []string
	for {
		select {
		case line := <-r.lines:
			out = append(out, line)
		default:
			return out
		}
	}
}

func wantFailure(t *testing.T, o plugins.Outcome, class string, applied plugins.Applied) {
	t.Helper()
	if o.Failure == nil {
		t.Fatalf("it succeeded; want a failure of class %s", class)
	}
	if o.Failure.Class != class || o.Applied != applied {
		t.Errorf("failure %s, applied %s (%s); want %s, %s", o.Failure.Class, o.Applied, o.Failure.Reason, class, applied)
	}
}
