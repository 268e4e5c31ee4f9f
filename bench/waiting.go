package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	core "github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/server"
)

// measureWaiting measures memory and disk while runs wait in the gate of the
// shipped runbook.
func measureWaiting(ctx context.Context, p *product, s sizes, r *report) (err error) {
	state := p.state("waiting")
	run, err := p.gate(ctx, state, s.waiting)
	if err != nil {
		return err
	}
	idle, _, _, err := p.rest(ctx, p.state("none"), "")
	if err != nil {
		return err
	}
	full, ready, disk, err := p.rest(ctx, state, run)
	if err != nil {
		return err
	}
	r.add(fmt.Sprintf("memory over idle, %d waiting", s.waiting), "MB", []float64{full - idle}, goal{most: 64})
	r.add(fmt.Sprintf("disk, %d waiting", s.waiting), "MB", []float64{disk}, goal{most: 400})
	r.add("of that for each run", "kB", []float64{disk * 1000 / float64(s.waiting)}, goal{})
	r.add("start to ready with them", "s", []float64{ready.Seconds()}, goal{})
	return nil
}

// rest opens an owner and returns its memory once it has come to rest (MB),
// how long it took to answer, and what its state takes on disk (MB).
func (p *product) rest(ctx context.Context, state, run string) (rss float64, ready time.Duration, disk float64, err error) {
	var o *owner
	if run == "" {
		o, err = p.open(ctx, state, p.config)
	} else {
		o, err = p.reopen(ctx, state, run)
	}
	if err != nil {
		return 0, 0, 0, err
	}
	defer func() { err = errors.Join(err, o.kill()) }()
	if rss, err = settled(ctx, o.cmd.Process.Pid); err != nil {
		return 0, 0, 0, err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(state + suffix)
		if err != nil {
			return 0, 0, 0, err
		}
		disk += float64(info.Size()) / 1e6
	}
	return rss, o.ready, disk, nil
}

// gate makes a state in which so many runs wait in the gate of the shipped
// runbook, and returns one of them. That one is real, from its start to its
// question; the others are its records under other names, with other
// identities locked, so that none waits for another's locks.
func (p *product) gate(ctx context.Context, state string, runs int) (string, error) {
	o, err := p.open(ctx, state, p.config)
	if err != nil {
		return "", err
	}
	id, err := p.ask(ctx, o)
	if err := errors.Join(err, o.park()); err != nil {
		return "", err
	}
	store, err := sqlite.Open(ctx, state)
	if err != nil {
		return "", err
	}
	if _, err := store.Own(ctx, true); err != nil {
		return "", errors.Join(err, store.Close())
	}
	return id, errors.Join(multiply(ctx, store, id, runs-1), store.Close())
}

// ask starts the shipped runbook and waits for its question.
func (p *product) ask(ctx context.Context, o *owner) (string, error) {
	id, err := o.Start(ctx, server.StartRequest{
		Runbook: "connection-exhaustion", Inputs: map[string]json.RawMessage{"service": json.RawMessage(`"api"`)},
	})
	if err != nil {
		return "", err
	}
	v, err := o.asked(ctx, id)
	if err != nil {
		return "", err
	}
	// People may be asked while the run goes on; it rests when it records
	// nothing more.
	seen := v.Seq - 1
	return id, o.until(ctx, 300*time.Millisecond, func(ctx context.Context) bool {
		v, err = o.Run(ctx, id)
		same := err == nil && v.Seq == seen
		seen = v.Seq
		return same
	})
}

// multiply stores the records of a run again under other names.
func multiply(ctx context.Context, store *sqlite.Store, id string, times int) error {
	records, err := store.Load(ctx, id, 0)
	if err != nil {
		return err
	}
	heads, err := store.Heads(ctx, local.Filter{Unsettled: true})
	if err != nil {
		return err
	}
	head := heads[slices.IndexFunc(heads, func(h core.Head) bool { return h.ID == id })]
	if !slices.Contains(head.Waiting, "approval") {
		return fmt.Errorf("run %s waits for %v, not for an approval", id, head.Waiting)
	}
	var rest []byte
	err = store.Unsettled(ctx, func(run string, r *local.Rest) (err error) {
		if run == id {
			rest, err = json.Marshal(r)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(rest) == 0 || string(rest) == "null" {
		return fmt.Errorf("run %s does more than to wait", id)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(256) // which is how many share a transaction
	for i := range times {
		g.Go(func() error {
			b, err := again(records, head, rest, i)
			if err != nil {
				return err
			}
			return store.Append(ctx, b)
		})
	}
	return g.Wait()
}

// again is what a run has stored, under another name.
func again(records []core.Record, head core.Head, rest []byte, n int) (local.Batch, error) {
	id := head.ID
	name := fmt.Sprintf("%s-%06d", id[:len(id)-7], n)
	rename := func(text []byte) []byte {
		text = bytes.ReplaceAll(text, []byte(id), []byte(name))
		return bytes.ReplaceAll(text, []byte("bench:api/"), fmt.Appendf(nil, "bench:%06d/", n))
	}
	head.ID = name
	b := local.Batch{Run: name, Records: make([]core.Record, len(records)), Head: head}
	for i, rec := range records {
		kind, data, err := core.MarshalEvent(rec.Event)
		if err != nil {
			return b, err
		}
		if rec.Event, err = core.UnmarshalEvent(kind, rename(data)); err != nil {
			return b, err
		}
		b.Records[i] = rec
	}
	return b, json.Unmarshal(rename(rest), &b.Rest)
}
