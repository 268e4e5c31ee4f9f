package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/chatops/slack"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/forecast"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/paging"
)

// newChat makes firebreak known in the chat of the configuration; nil: there
// is none.
func (o *owner) newChat() (*slack.Bot, error) {
	config := o.ws.config
	if config.Chat == nil || config.Chat.Slack == nil {
		return nil, nil
	}
	s := config.Chat.Slack
	starts := &chatStarts{own: o}
	desk := &chatops.Desk{
		Runs: chatRuns{runs{o.rt, o.ws}, o.store}, Starts: starts, Stops: chatStops{stops{o.rt, o.ws}},
		Services: slices.Sorted(maps.Keys(config.Services)), Roles: o.ws.rolesOf, Command: s.Command, Now: time.Now,
	}
	directory := chatops.Directory{ByEmail: s.Email}
	for _, name := range slices.Sorted(maps.Keys(config.People)) {
		p := config.People[name]
		directory.People = append(directory.People, chatops.Identity{Name: name, ID: p.Slack, Email: p.Email})
	}
	bot, err := slack.New(slack.Config{
		Slack: s, Secret: host.Secret, Desk: desk, Directory: directory, Posts: chatShelf{o.store}, Inbox: chatShelf{o.store},
		Warn: func(err error) { o.warn("", err) }, Unasked: o.unasked,
	})
	if err != nil {
		return nil, fail(exitProblems, "correct chat.slack in firebreak.yaml, or set what it names", "%w", err)
	}
	o.ws.chat.Store(bot)
	return bot, nil
}

// unasked wakes somebody about a question that reaches nobody in the chat.
func (o *owner) unasked(u slack.Unasked) {
	if o.pager == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := o.pager.Raise(ctx, paging.Page{
		Key: unaskedKey + u.Question, Run: u.Run, Role: u.Role,
		Text: fmt.Sprintf("run %s asks %s, who cannot be reached in Slack: %v", u.Run, u.Role, u.Why),
	}); err != nil {
		o.warn(u.Run, err)
	}
}

// changed tells the chat that a run has new records.
func (o *owner) changed(run string) {
	if bot := o.ws.chat.Load(); bot != nil {
		bot.Changed(run)
	}
	o.notes.changed(run)
}

func (o *owner) chatStatus() json.RawMessage {
	bot := o.ws.chat.Load()
	if bot == nil {
		return nil
	}
	status, err := json.Marshal(bot.Status())
	if err != nil {
		return nil
	}
	return status
}

// chatRuns are the runtime's for people in a chat.
type chatRuns struct {
	runs

	store *sqlite.Store
}

// Records implements [chatops.Runs].
func (r chatRuns) Records(ctx context.Context, id string) ([]engine.Record, error) {
	return r.store.Load(ctx, id, 0)
}

// List implements [chatops.Runs].
func (r chatRuns) List(ctx context.Context, open bool, limit int) ([]engine.Head, error) {
	return r.Runs(ctx, local.Filter{Unsettled: open, Limit: limit})
}

// chatStarts begins runs for people in a chat.
type chatStarts struct{ own *owner }

// Books implements [chatops.Starts].
func (s *chatStarts) Books() []*runbook.Runbook { return s.own.kept.Load().all }

// wished is a wish as what asks for a run: is says of a run of the same
// person whether it is the one.
func wished(w chatops.Wish, is func(f engine.Facts) bool) trigger {
	return trigger{w.At, w.Key, func(run engine.Run) bool { return run.Facts.Requester == requesterOf(w) && is(run.Facts) }}
}

func requesterOf(w chatops.Wish) engine.Requester {
	return engine.Requester{Kind: "person", Name: w.By}
}

// Start implements [chatops.Starts].
func (s *chatStarts) Start(ctx context.Context, w chatops.Wish, book *runbook.Runbook, inputs map[string]json.RawMessage) (string, error) {
	t := wished(w, func(f engine.Facts) bool { return f.Runbook == book.Name && f.RetryOf == "" })
	return s.own.once(ctx, t, func(id string) (string, error) {
		f, err := s.own.ws.facts(ctx, s.own.host, request{runbook: book, origins: s.own.originsOf(book), inputs: inputs, requester: requesterOf(w)})
		if err != nil {
			return "", err
		}
		f.ID = id
		return s.own.rt.Start(ctx, f, book.Pinned, s.own.ws.configBytes)
	})
}

// Retry implements [chatops.Starts].
func (s *chatStarts) Retry(ctx context.Context, w chatops.Wish, run, from string) (string, error) {
	done, err := s.own.rt.Run(ctx, run)
	if err != nil {
		return "", err
	}
	t := wished(w, func(f engine.Facts) bool { return f.RetryOf == run })
	return s.own.once(ctx, t, func(id string) (string, error) {
		f, src, err := s.own.retryFacts(ctx, server.Caller{Person: w.By}, done, from)
		if err != nil {
			return "", err
		}
		f.ID = id
		return s.own.rt.Start(ctx, f, src, s.own.ws.configBytes)
	})
}

// Plan implements [chatops.Starts].
func (s *chatStarts) Plan(ctx context.Context, by string, book *runbook.Runbook, inputs map[string]json.RawMessage) (*forecast.Forecast, error) {
	facts, err := s.own.ws.facts(ctx, s.own.host, request{runbook: book, inputs: inputs, requester: engine.Requester{Kind: "person", Name: by}})
	if err != nil {
		return nil, err
	}
	facts.ID, facts.Generation = planID, 1
	d := newDryRun(book, &executor{host: s.own.host, config: s.own.ws.config})
	if err := d.look(ctx, facts); err != nil {
		return nil, err
	}
	return d.foresee(ctx)
}

// chatStops stops for people in a chat, by the rules for everybody else.
type chatStops struct{ stops stops }

// Standing implements [chatops.Stops].
func (s chatStops) Standing() []engine.Stop { return s.stops.Standing() }

// Order implements [chatops.Stops].
func (s chatStops) Order(ctx context.Context, by string, kind engine.StopKind, service, reason string, on bool) error {
	return s.stops.Order(ctx, by, server.StopRequest{Kind: kind, Service: service, Reason: reason}, on)
}

// chatShelf is the state as the place where posts, and what was heard, are
// kept.
type chatShelf struct{ *sqlite.Store }

// SetPost implements [slack.Posts].
func (s chatShelf) SetPost(ctx context.Context, p slack.Post) error {
	return s.Store.SetPost(ctx, sqlite.Post(p))
}

// DropPost implements [slack.Posts].
func (s chatShelf) DropPost(ctx context.Context, p slack.Post) error {
	return s.Store.DropPost(ctx, sqlite.Post(p))
}

// Posts implements [slack.Posts].
func (s chatShelf) Posts(ctx context.Context, run string) ([]slack.Post, error) {
	all, err := s.Store.Posts(ctx, run)
	out := make([]slack.Post, len(all))
	for i, p := range all {
		out[i] = slack.Post(p)
	}
	return out, err
}

// Hear implements [slack.Inbox].
func (s chatShelf) Hear(ctx context.Context, h slack.Heard) (bool, error) {
	return s.Store.Hear(ctx, sqlite.Heard(h))
}

// Unheeded implements [slack.Inbox].
func (s chatShelf) Unheeded(ctx context.Context) ([]slack.Heard, error) {
	all, err := s.Store.Unheeded(ctx)
	out := make([]slack.Heard, len(all))
	for i, h := range all {
		out[i] = slack.Heard(h)
	}
	return out, err
}
