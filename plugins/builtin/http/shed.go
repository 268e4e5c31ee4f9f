package http

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// shedBinding is what a plan of backlog.shed binds: an envelope, since what
// waits changes with every request.
type shedBinding struct {
	Resource  string              `json:"resource"`
	OlderThan capability.Duration `json:"older_than"`
	For       capability.Duration `json:"for"`
}

// shedReceipt says which replicas shed, for the report of a partial shed.
type shedReceipt struct {
	Shed []shedOne `json:"shed"`
}

type shedOne struct {
	URL       string    `json:"url"`
	Cancelled int       `json:"cancelled"`
	Refused   int       `json:"refused"`
	Until     time.Time `json:"until"`
}

func (b *backlog) Plan(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	in, err := shedInput(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	now, failure := b.status(ctx)
	if failure != nil {
		return plugins.Plan{}, failure
	}
	binding, err := plugins.Canonical(shedBinding{b.Resource(), in.OlderThan, in.For})
	if err != nil {
		return plugins.Plan{}, err
	}
	return plugins.Plan{
		Binding: binding, Detail: b.describe(now, in), Resource: b.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "requests", Affected: now.Waiting},
	}, nil
}

func shedInput(call plugins.Call) (capability.ShedInput, error) {
	if call.Action != "backlog.shed" {
		return capability.ShedInput{}, plugins.Fail(plugins.Invalid, "plugin http has no mutating action %q on a backlog", call.Action)
	}
	if len(call.Receipt) > 0 {
		return capability.ShedInput{}, plugins.Fail(plugins.Invalid, "backlog.shed takes no receipt: it cannot be undone")
	}
	return capability.Input[capability.ShedInput](call.Action, call.Input)
}

// shed asks every replica at once, since requests go to those that still
// take them.
func (b *backlog) shed(ctx context.Context, call plugins.Call, to plugins.Stream) plugins.Outcome {
	in, err := shedInput(call)
	if err == nil && b.access == plugins.Read {
		err = plugins.Fail(plugins.Denied, "backlog.shed cancels requests, and this binding may only read")
	}
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	if f := stopped(call); f != nil {
		return plugins.Outcome{Failure: f, Applied: plugins.None}
	}
	body, err := json.Marshal(in)
	if err != nil {
		return plugins.Outcome{Failure: plugins.AsFailure(err), Applied: plugins.None}
	}
	replies := b.each(ctx, b.cfg.Shed, http.MethodPost, body)
	var sum capability.ShedOutput
	var done shedReceipt
	out := plugins.Outcome{}
	for i := range replies {
		one, failure := replies[i].shed()
		if failure != nil {
			out.Failure = failure
			to.Log("warn", failure.Reason)
			continue
		}
		done.Shed = append(done.Shed, one)
		sum.Cancelled += one.Cancelled
		sum.Refused += one.Refused
		if one.Until.After(sum.Until) {
			sum.Until = one.Until
		}
	}
	out.Applied = joined(replies)
	if len(done.Shed) == 0 {
		return out
	}
	to.Progress(len(done.Shed), len(replies), fmt.Sprintf("cancelled %d waiting requests at %d of %d endpoints", sum.Cancelled, len(done.Shed), len(replies)))
	sum.Observed = b.observed()
	if out.Outputs, err = json.Marshal(sum); err == nil {
		out.Receipt, err = json.Marshal(done)
	}
	if err != nil && out.Failure == nil {
		out.Failure = plugins.AsFailure(err)
	}
	return out
}

// shed reads a replica's answer. One that cannot be read leaves unknown what
// was done.
func (r *reply) shed() (shedOne, *plugins.Failure) {
	one := shedOne{URL: r.url}
	if r.failure != nil {
		return one, r.failure
	}
	var got struct {
		Cancelled *int      `json:"cancelled"`
		Refused   int       `json:"refused"`
		Until     time.Time `json:"until"`
	}
	if err := json.Unmarshal(r.body, &got); err != nil || got.Cancelled == nil {
		r.applied = plugins.Unknown
		return one, plugins.Fail(plugins.Invalid, "%s did not answer {cancelled, refused, until}: %s", r.url, firstLine(r.body))
	}
	one.Cancelled, one.Refused, one.Until = *got.Cancelled, got.Refused, got.Until
	return one, nil
}

// joined is the effect over all replicas.
func joined(replies []reply) plugins.Applied {
	count := map[plugins.Applied]int{}
	for _, r := range replies {
		count[r.applied]++
	}
	switch {
	case count[plugins.Unknown] > 0:
		return plugins.Unknown
	case count[plugins.All] == len(replies):
		return plugins.All
	case count[plugins.All] > 0:
		return plugins.Partial
	}
	return plugins.None
}
