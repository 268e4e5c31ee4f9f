package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// batch is how many are moved at once, in which the server does nothing else.
const batch = 100

// shedBinding is what a plan of backlog.shed binds: an envelope, since what
// waits changes all the time.
type shedBinding struct {
	Resource  string              `json:"resource"`
	OlderThan capability.Duration `json:"older_than"`
	To        string              `json:"to"`
	Most      int                 `json:"most"`
}

// shedReceipt says where what was moved is now.
type shedReceipt struct {
	Moved int    `json:"moved"`
	To    string `json:"to"`
}

func shedInput(call plugins.Call) (capability.ShedInput, error) {
	if call.Action != actionShed {
		return capability.ShedInput{}, unknownAction(call.Action)
	}
	if len(call.Receipt) > 0 {
		return capability.ShedInput{}, plugins.Fail(plugins.Invalid, "%s takes no receipt: it cannot be undone", actionShed)
	}
	return capability.Input[capability.ShedInput](call.Action, call.Input)
}

// Plan implements plugins.Bound.
func (b *bound) Plan(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	in, err := shedInput(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	n, oldest, err := b.look(ctx)
	if err != nil {
		return plugins.Plan{}, err
	}
	binding, err := plugins.Canonical(shedBinding{b.address, in.OlderThan, b.section.ShedTo, b.section.Most})
	if err != nil {
		return plugins.Plan{}, err
	}
	return plugins.Plan{
		Binding: binding, Detail: b.detail(in, n, oldest), Resource: b.address,
		BlastRadius: plugins.BlastRadius{Unit: "requests", Affected: min(n, b.section.Most), Total: n},
	}, nil
}

func (b *bound) detail(in capability.ShedInput, n int, oldest time.Time) string {
	which := "everything that waits"
	if in.OlderThan > 0 {
		which = fmt.Sprintf("what has waited for more than %s", in.OlderThan)
	}
	text := fmt.Sprintf("move %s in %s to %s, oldest first, %d at most", which, b.section.key(), b.section.ShedTo, b.section.Most)
	text += fmt.Sprintf("\n%d wait", n)
	if n > 0 && !oldest.IsZero() {
		text += fmt.Sprintf(", the oldest for %s", time.Since(oldest).Round(time.Second))
	}
	if b.section.Group != "" {
		text += fmt.Sprintf("; what group %s is at is left alone", b.section.Group)
	}
	return text + "\nnothing is deleted, and nothing new is refused: Redis takes what producers send"
}

func (b *bound) shed(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	in, err := shedInput(call)
	if err == nil && b.access == plugins.Read {
		err = plugins.Fail(plugins.Denied, "%s moves what waits, and this binding may only read", actionShed)
	}
	if err != nil {
		return failed(err)
	}
	ctx, cancel := context.WithTimeout(ctx, shedWithin)
	defer cancel()
	until := time.Now().Add(-in.OlderThan.Std())
	moved, err := b.move(ctx, call, until, in.OlderThan == 0, to)
	o := plugins.Outcome{Applied: plugins.None}
	if moved > 0 {
		o.Applied = plugins.All
	}
	if err != nil {
		o.Failure = b.classify(err)
		if moved > 0 {
			o.Applied = plugins.Partial
		}
		if _, own := err.(*plugins.Failure); !own && !isSpoken(err) { //nolint:errorlint // a failure of ours is not wrapped
			o.Applied = plugins.Unknown
		}
	}
	var encoding error
	o.Outputs, encoding = json.Marshal(capability.ShedOutput{Observed: b.observed(), Cancelled: moved, Until: time.Now().UTC()})
	if encoding == nil {
		o.Receipt, encoding = json.Marshal(shedReceipt{Moved: moved, To: b.section.ShedTo})
	}
	if encoding != nil && o.Failure == nil {
		o.Failure = plugins.AsFailure(encoding)
	}
	return o
}

// move moves batch after batch, no more than waited when it began.
func (b *bound) move(ctx context.Context, call plugins.Call, until time.Time, everything bool, to plugins.Stream) (moved int, err error) {
	q, closeConn, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	defer closeConn()
	n, _, err := q.waiting(ctx)
	if err != nil {
		return 0, b.classify(err) // nothing was sent that moves anything
	}
	most := min(n, b.section.Most)
	for moved < most {
		select {
		case <-call.Stop:
			return moved, plugins.Fail(plugins.Cancelled, "stopped after %d of %d", moved, most)
		default:
		}
		one, more, err := q.move(ctx, until, everything, min(batch, most-moved))
		if err != nil {
			return moved, err
		}
		moved += one
		to.Progress(moved, most, fmt.Sprintf("moved %d to %s", moved, b.section.ShedTo))
		if !more {
			break
		}
	}
	return moved, nil
}
