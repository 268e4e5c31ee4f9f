package main

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	// changesCount is how far back a change counts for a diagnosis.
	changesCount = 2 * time.Hour
	// mostReported is more changes than anybody reads.
	mostReported = 50
)

// reportedTo are the changes of a service that were reported since a time, as a
// diagnosis reads them, newest first. What was changed is named by its title:
// of a setting, mostly its name. A diagnosis goes on without what cannot be
// read.
func reportedTo(ctx context.Context, state interface {
	Changes(ctx context.Context, f sqlite.ChangeFilter) ([]sqlite.Change, error)
}, service string, since time.Time,
) []capability.Change {
	found, err := state.Changes(ctx, sqlite.ChangeFilter{Service: service, Since: since, Limit: mostReported})
	if err != nil {
		return nil
	}
	var all []capability.Change
	for _, c := range found {
		all = append(all, capability.Change{
			ID: c.Reporter + "/" + c.ID, Setting: c.Title, Before: scalarOf(c.Before), After: scalarOf(c.After), At: c.At,
			Author: cmp.Or(c.Author, c.Reporter), Title: c.Title, Reporter: c.Reporter, Kind: c.Kind,
		})
	}
	return all
}

// scalarOf reads a value that was reported as text: as a number or a boolean
// where it is one.
func scalarOf(text string) (s capability.Scalar) {
	if text == "" {
		return s
	}
	if s.UnmarshalJSON([]byte(text)) != nil {
		s, _ = capability.ScalarOf(text) // text is a scalar
	}
	return s
}

// withReported fills in what others changed, which no plugin knows of, unless
// the input says so itself.
func (x *executor) withReported(ctx context.Context, service string, input json.RawMessage) json.RawMessage {
	var fields map[string]json.RawMessage
	if x.reported == nil || json.Unmarshal(input, &fields) != nil || fields["reported"] != nil {
		return input
	}
	all := x.reported(ctx, service, time.Now().Add(-changesCount))
	if len(all) == 0 {
		return input
	}
	reported, err := json.Marshal(all)
	if err != nil {
		return input
	}
	fields["reported"] = reported
	raw, err := json.Marshal(fields)
	if err != nil {
		return input
	}
	return raw
}
