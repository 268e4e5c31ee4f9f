package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/server/alerts"
	"github.com/firebreak-ops/firebreak/server/intake"
	"github.com/firebreak-ops/firebreak/server/paging"
)

// outbox is the state as the place where pages are kept.
type outbox struct{ store *sqlite.Store }

// Put implements [paging.Outbox].
func (o outbox) Put(ctx context.Context, p paging.Page) error {
	return o.store.PutPage(ctx, sqlite.Page(p))
}

// Live implements [paging.Outbox].
func (o outbox) Live(ctx context.Context) ([]paging.Page, error) {
	all, err := o.store.LivePages(ctx)
	out := make([]paging.Page, 0, len(all))
	for _, p := range all {
		out = append(out, paging.Page(p))
	}
	return out, err
}

// Settle implements [paging.Outbox].
func (o outbox) Settle(ctx context.Context, p paging.Page) error {
	return o.store.SettlePage(ctx, sqlite.Page(p))
}

// Keys of pages that are about no notice of a run, whose id is the key then.
const (
	haltedKey  = "halted "  // and a run
	unaskedKey = "unasked " // and a question
	failedKey  = "failed "  // and an alert
	silentKey  = "silent "  // and a source
)

// startPager sends what is in the outbox from now on, until the owner is closed.
func (o *owner) startPager() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.pager.Run(ctx)
	}()
	o.stopPager = func() {
		cancel()
		<-done
	}
}

func (o *owner) newPager() *paging.Pager {
	return paging.New(paging.Config{
		Outbox: outbox{o.store}, Paging: o.ws.config.Paging, Secret: host.Secret, Over: o.over,
		Host: hostname(), Warn: func(err error) { o.warn("", err) },
	})
}

// hostname is what people know this machine by.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "firebreak"
	}
	return name
}

// notify tells people what a run says. Pages are in the outbox when it returns.
// In a chat it is part of what its run is to look like there, which outlives
// this process.
func (o *owner) notify(ctx context.Context, run local.RunInfo, n engine.Notify) error {
	if !n.Page || o.pager == nil {
		if o.ws.chat.Load() != nil {
			return nil
		}
		return errNoChannel
	}
	return o.pager.Raise(ctx, paging.Page{Key: n.ID, Run: run.ID, Role: n.To, Text: n.Text, Link: linkOf(run.Facts.Alert)})
}

// linkOf is where people look at an alert.
func linkOf(alert []byte) string {
	var a alerts.Alert
	if json.Unmarshal(alert, &a) != nil || !strings.HasPrefix(a.URL, "http") {
		return ""
	}
	return a.URL
}

// over reports whether the trouble that a page is about is over.
func (o *owner) over(ctx context.Context, p paging.Page) (bool, error) {
	if source, ok := strings.CutPrefix(p.Key, silentKey); ok {
		heard, err := o.store.LastFrom(ctx, source)
		return heard.After(p.OpenedAt) || o.ws.config.Sources[source] == nil, err
	}
	if p.Run == "" {
		return o.alertOver(ctx, p.Alert)
	}
	r, err := o.rt.Run(ctx, p.Run)
	switch {
	case notFound(err):
		return true, nil // it was pruned
	case err != nil:
		return false, err
	case strings.HasPrefix(p.Key, haltedKey):
		return r.Ended() || !halted(r), nil
	}
	if question, ok := strings.CutPrefix(p.Key, unaskedKey); ok {
		return r.Questions[question] == nil, nil
	}
	for _, n := range r.Notices {
		if n.About != "" && p.Key == fmt.Sprintf("%s/notify.%d", p.Run, n.N) {
			return r.Questions[n.About] == nil, nil
		}
	}
	return o.runOver(ctx, r)
}

// alertOver reports whether an alert that could begin no run is resolved, or
// has one.
func (o *owner) alertOver(ctx context.Context, n int64) (bool, error) {
	a, err := o.store.AlertOf(ctx, n)
	if err != nil || a.N == 0 || !a.Firing {
		return err == nil, err
	}
	return a.Outcome != "" && !unanswered(a.Outcome), nil
}

// unanswered reports whether an alert that a runbook answers began no run for a
// reason that somebody must look at.
func unanswered(outcome string) bool {
	return outcome == intake.Failed || outcome == intake.Ambiguous
}

// runOver reports whether a run has ended and nothing of it needs anybody any
// more: what it left changed was undone, or the hold that its end set was
// lifted; of one that left nothing, its alerts are resolved.
func (o *owner) runOver(ctx context.Context, r engine.Run) (bool, error) {
	switch {
	case !r.Ended():
		return false, nil
	case !r.Word.Dirty():
		all, open, err := o.store.OpenAlerts(ctx, r.Facts.ID)
		return all > 0 && open == 0, err
	case r.Word == engine.FailedDirty && r.Facts.Service != "" && !o.held(r.Facts.Service):
		return true, nil
	}
	undo, err := o.undoOf(ctx, r.Facts.ID)
	return undo != nil && undo.Word == engine.Undone, err
}

func (o *owner) held(service string) bool {
	for _, order := range o.rt.Orders() {
		if order.Kind == engine.StopHold && order.Service == service {
			return true
		}
	}
	return false
}

func halted(r engine.Run) bool {
	for _, s := range r.Stops {
		if s.Kind == engine.StopHalt {
			return true
		}
	}
	return false
}

// page wakes somebody about what became of an alert, where that is needed.
func (o *owner) page(ctx context.Context, e *intake.Entry) error {
	if o.pager == nil {
		return nil
	}
	a, err := e.Alert()
	if err != nil {
		return err
	}
	p := paging.Page{Alert: e.N, Link: linkOf(e.Data)}
	switch {
	case unanswered(e.Outcome):
		p.Key, p.Role = fmt.Sprintf("%s%d %s", failedKey, e.N, e.Key), "firebreak"
		p.Text = fmt.Sprintf("no run began for the alert %s of %s: %s", a.Name(), e.Source, e.Text)
	case e.Outcome == intake.Started:
		r, err := o.rt.Run(ctx, e.Run)
		if err != nil || !halted(r) {
			return err
		}
		p.Key, p.Run, p.Role = haltedKey+e.Run, e.Run, r.Owner()
		p.Text = fmt.Sprintf("run %s of %s waits for the halt to be lifted, and the alert %s goes on", e.Run, r.Facts.Runbook, a.Name())
	default:
		return nil
	}
	return o.pager.Raise(ctx, p)
}

// listen wakes somebody when a source has said nothing for too long, until ctx
// ends.
func (o *owner) listen(ctx context.Context) error {
	began := time.Now()
	tick := time.NewTicker(listenEvery)
	defer tick.Stop()
	for {
		for name, s := range o.ws.config.Sources {
			if s.Silence > 0 {
				o.silent(ctx, name, s.Silence, began)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// beat tells a monitor elsewhere that this firebreak is there, where the
// configuration names one, until ctx ends.
func (o *owner) beat(ctx context.Context) error {
	h := o.ws.config.Paging.Heartbeat
	if h == nil {
		return nil
	}
	paging.Heartbeat{
		URL: func() (string, error) { return host.Secret(h.URL) }, Every: h.Every, Ready: o.ready,
		Warn: func(err error) { o.warn("", err) },
	}.Run(ctx)
	return nil
}

// listenEvery is how often it is looked whether a source is silent.
const listenEvery = time.Second

func (o *owner) silent(ctx context.Context, source string, silence time.Duration, began time.Time) {
	heard, err := o.store.LastFrom(ctx, source)
	if err == nil && heard.Before(began) {
		heard = began
	}
	if err == nil && time.Since(heard) > silence {
		err = o.pager.Raise(ctx, paging.Page{
			Key: silentKey + source, Role: "firebreak",
			Text: fmt.Sprintf("nothing has come from the source %s for %s: its alerts may start nothing", source, silence),
		})
	}
	if err != nil && ctx.Err() == nil {
		o.warn("", err)
	}
}
