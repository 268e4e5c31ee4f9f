package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/service"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/server/alerts"
	"github.com/firebreak-ops/firebreak/server/paging"
)

// noteBox is the state as the place where notes are kept.
type noteBox struct{ store *sqlite.Store }

// PutNotes implements [paging.NoteBox].
func (b noteBox) PutNotes(ctx context.Context, all []paging.Note) error {
	out := make([]sqlite.Note, 0, len(all))
	for _, n := range all {
		out = append(out, sqlite.Note(n))
	}
	return b.store.PutNotes(ctx, out)
}

// LiveNotes implements [paging.NoteBox].
func (b noteBox) LiveNotes(ctx context.Context) ([]paging.Note, error) {
	all, err := b.store.LiveNotes(ctx)
	out := make([]paging.Note, 0, len(all))
	for _, n := range all {
		out = append(out, paging.Note(n))
	}
	return out, err
}

// SettleNote implements [paging.NoteBox].
func (b noteBox) SettleNote(ctx context.Context, n paging.Note) error {
	return b.store.SettleNote(ctx, sqlite.Note(n))
}

// notes writes what the runs of alerts do on the incidents that these came
// from.
type notes struct {
	own   *owner
	noter *paging.Noter
	more  chan struct{} // some runs are others

	mu   sync.Mutex
	runs map[string]bool // of which it is not yet noted what they do
}

// newNotes returns nil where no source has incidents to write on.
func newNotes(o *owner) *notes {
	for _, s := range o.ws.config.Sources {
		if s.Notes != nil {
			return &notes{own: o, more: make(chan struct{}, 1), runs: map[string]bool{}, noter: paging.NewNoter(paging.NoterConfig{
				Box: noteBox{o.store}, Sources: o.ws.config.Sources, Secret: host.Secret, Warn: func(err error) { o.warn("", err) },
			})}
		}
	}
	return nil
}

// changed is told that a run has new records. It does not block.
func (n *notes) changed(run string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	n.runs[run] = true
	n.mu.Unlock()
	select {
	case n.more <- struct{}{}:
	default: // it will look anyway
	}
}

// notesSince is how long ago a run may have ended of which an owner before may
// not have noted that it has.
const notesSince = time.Hour

// run notes what runs do until ctx ends; of those first that changed while
// nobody did.
func (n *notes) run(ctx context.Context) error {
	heads, err := n.own.store.Heads(ctx, local.Filter{Since: time.Now().Add(-notesSince)})
	if err != nil {
		return err
	}
	for _, h := range heads {
		if h.Requester.Kind == "alert" {
			n.changed(h.ID)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.noter.Run(ctx)
	}()
	for ctx.Err() == nil {
		n.mu.Lock()
		runs := n.runs
		n.runs = map[string]bool{}
		n.mu.Unlock()
		for run := range runs {
			if err := n.note(ctx, run); err != nil && ctx.Err() == nil {
				n.own.warn(run, err)
			}
		}
		select {
		case <-n.more:
		case <-ctx.Done():
		}
	}
	<-done
	return nil
}

// note puts what is to be said of a run as it stands. What was said is not said
// again.
func (n *notes) note(ctx context.Context, id string) error {
	r, err := n.own.rt.Run(ctx, id)
	if err != nil || r.Facts.Requester.Kind != "alert" {
		return err
	}
	joined, err := n.own.store.AlertsOf(ctx, id)
	if err != nil {
		return err
	}
	var first alerts.Alert
	if err := json.Unmarshal(r.Facts.Alert, &first); err != nil {
		return err
	}
	incidents := map[[2]string]bool{{first.Source, first.Identity}: true}
	for _, a := range joined {
		incidents[[2]string{a.Source, a.Identity}] = true
	}
	var all []paging.Note
	for at := range incidents {
		s := n.own.ws.config.Sources[at[0]]
		if s == nil || s.Notes == nil {
			continue
		}
		for _, w := range words(&r, s.Notes) {
			all = append(all, paging.Note{Key: strings.Join([]string{at[0], at[1], id, w.key}, " "), Source: at[0], Incident: at[1], Text: w.text})
		}
	}
	return n.noter.Put(ctx, all)
}

// word is one thing that is said of a run, once by its key.
type word struct{ key, text string }

// words are all that is said of a run as it stands, in their order.
func words(r *engine.Run, how *service.Notes) []word {
	id := r.Facts.ID
	name := fmt.Sprintf("firebreak: run %s of %s ", id, r.Facts.Runbook)
	look := "\nfirebreak runs show " + id
	if how.Link != "" {
		look = "\n" + strings.ReplaceAll(how.Link, "RUN", id)
	}
	all := []word{{"began", name + "began for this." + look}}
	for _, q := range r.OpenQuestions() {
		if !q.Early {
			all = append(all, word{"asks " + q.ID, name + "waits for " + orNone(q.Roles) + ": " + q.Text + look})
		}
	}
	if r.Ended() {
		text := name + "ended " + string(r.Word)
		if r.Cause != nil && r.Cause.Reason != "" {
			text += ": " + r.Cause.Reason
		}
		all = append(all, word{"ended", text + look})
	}
	return all
}
