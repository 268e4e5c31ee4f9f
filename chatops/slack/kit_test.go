package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/chatops/slack"
	"github.com/firebreak-ops/firebreak/chatops/slack/slacktest"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
	"github.com/firebreak-ops/firebreak/engine/forecast"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/engine/service"
)

// gated looks, asks, changes and verifies.
const gated = `title: Put the setting right
owner: sre
inputs:
  why: {type: string}
steps:
  - id: look
    uses: world.read
    with: {key: before}
  - id: cure
    uses: world.set
    with: {key: pool, value: 50}
    approve:
      of: [{role: sre, for: 8m}, {role: leads, for: 8m}]
      quorum: QUORUM
    undo: {uses: world.set}
    retry: {attempts: 3}
    verify: {none: a test, owner: sre, last_day: "2099-12-31"}
outputs: {why: "${{ inputs.why }}"}
`

// office is firebreak with its people, beside a Slack. What it keeps outlives
// its processes.
type office struct {
	t     testing.TB
	slack *slacktest.Server
	cfg   service.Slack
	path  string
	book  *runbook.Runbook

	mu       sync.Mutex
	acted    map[string]int // how often each run has changed something
	awaited  map[string]chan struct{}
	said     []string // warnings
	patient  bool     // warnings are expected
	pace     time.Duration
	executor local.Executor // of the runs; nil: this
	strange  []string       // whose accounts are not known
	byEmail  bool           // people are known by their address
	unasked  []slack.Unasked

	proc  *process
	again map[string]func() // what each did last that may open a window
	late  int               // windows that had come too late by then
}

// process is one life of firebreak.
type process struct {
	t     testing.TB
	store *sqlite.Store
	rt    *local.Runtime
	bot   *slack.Bot
	desk  *chatops.Desk
	http  *httptest.Server
	end   context.CancelFunc
	done  chan error
}

func newOffice(t testing.TB, s *slacktest.Server, quorum int) *office {
	t.Helper()
	o := &office{
		t: t, slack: s, path: filepath.Join(t.TempDir(), "state.db"), acted: map[string]int{}, awaited: map[string]chan struct{}{},
		cfg: service.Slack{
			BotToken: slacktest.BotToken, AppToken: slacktest.AppToken, Channel: slacktest.Incidents, Command: "/runbook", APIURL: s.APIURL(),
			Groups: map[string]string{},
		},
	}
	o.quorum(quorum)
	return o
}

// quorum is how many must say yes.
func (o *office) quorum(n int) {
	o.t.Helper()
	book, _, problems := enginetest.Book(strings.Replace(gated, "QUORUM", strconv.Itoa(n), 1))
	if len(problems) > 0 {
		o.t.Fatal(problems)
	}
	o.book = book
}

// done is what every change comes to.
var done = engine.Outcome{Effect: engine.EffectApplied, Outputs: json.RawMessage(`{"value":50}`), Receipt: json.RawMessage(`{"before":20}`), Left: "g"}

// Do implements [local.Executor]: everything works.
func (o *office) Do(_ context.Context, run local.RunInfo, cmd engine.Command) engine.Input {
	switch c := cmd.(type) {
	case engine.PlanCall:
		return engine.Planned{ID: c.ID, Plan: engine.Plan{
			Binding: json.RawMessage(`{"to":50}`), Detail: "--- a/pool.yaml\n+++ b/pool.yaml\n@@ -1 +1 @@\n-max: 20\n+max: 50\n",
			Fingerprint: "f", Undo: json.RawMessage(`{"before":20}`), Unit: "settings", Affected: 1, Served: "fake@1",
		}}
	case engine.Read:
		return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Effect: engine.EffectNone, Outputs: json.RawMessage(`{"value":20}`)}}
	case engine.Act:
		o.mu.Lock()
		o.acted[run.ID]++
		if c := o.awaited[run.ID]; c != nil {
			close(c)
			delete(o.awaited, run.ID)
		}
		o.mu.Unlock()
		return engine.Returned{ID: c.ID, Outcome: done}
	case engine.Probe:
		if o.actions(run.ID) == 0 { // an end came between the intent and the act
			return engine.Probed{ID: c.ID, Outcome: engine.Outcome{Effect: engine.EffectNone}}
		}
		return engine.Probed{ID: c.ID, Outcome: done}
	case engine.Notify:
		return engine.Notified{ID: c.ID}
	case engine.Undo:
		return engine.Returned{ID: c.ID, Outcome: engine.Outcome{Effect: engine.EffectApplied, Outputs: json.RawMessage(`{"value":20}`)}}
	default:
		return nil
	}
}

// acting is closed when a run changes something.
func (o *office) acting(run string) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan struct{})
	o.awaited[run] = c
	return c
}

func (o *office) actions(run string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.acted[run]
}

var people = map[string]engine.Role{
	"sre": {People: []string{"alice", "bob"}}, "leads": {People: []string{"carol"}},
}

// open begins a process, which ends with the test at the latest.
func (o *office) open() *process {
	o.t.Helper()
	p := &process{t: o.t, done: make(chan error, 1)}
	var err error
	ctx := context.WithoutCancel(o.t.Context())
	if p.store, err = sqlite.Open(ctx, o.path); err != nil {
		o.t.Fatal(err)
	}
	warn := func(err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.said = append(o.said, err.Error())
		if !o.patient && o.t.Context().Err() == nil {
			o.t.Errorf("warned: %v", err)
		}
	}
	var bot *slack.Bot
	begun := make(chan struct{})
	var executor local.Executor = o
	if o.executor != nil {
		executor = o.executor
	}
	p.rt, err = local.Open(ctx, local.Config{
		Journal: p.store, State: p.store, Executor: executor,
		Book: func(src []byte) (*runbook.Runbook, error) {
			b, problems := runbook.Load("test.yaml", src, enginetest.Catalog())
			if len(problems) > 0 {
				return nil, errors.New(problems[0].String())
			}
			return b, nil
		},
		Changed: func(run string) {
			select {
			case <-begun:
				bot.Changed(run)
			default: // it looks at all of them when it begins
			}
		},
		Warn: func(run string, err error) { warn(fmt.Errorf("%s: %w", run, err)) },
	})
	if err != nil {
		o.t.Fatal(err)
	}
	p.desk = &chatops.Desk{
		Runs: deskRuns{p.rt, p.store}, Starts: &deskStarts{o, p}, Stops: deskStops{p.rt}, Services: []string{"api"}, Command: "/runbook", Now: time.Now,
		Roles: func(person string) []string {
			return slices.DeleteFunc(slices.Sorted(maps.Keys(people)), func(role string) bool { return !slices.Contains(people[role].People, person) })
		},
	}
	bot, err = slack.New(slack.Config{
		Slack: &o.cfg, Secret: func(ref string) (string, error) { return ref, nil }, Desk: p.desk,
		Directory: o.directory(),
		Posts:     shelf{p.store}, Inbox: shelf{p.store}, Warn: warn, Pace: o.pace,
		Unasked: func(u slack.Unasked) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.unasked = append(o.unasked, u)
		},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	p.bot = bot
	close(begun)
	ctx, p.end = context.WithCancel(ctx)
	go func() { p.done <- bot.Run(ctx) }()
	o.proc = p
	o.t.Cleanup(p.kill)
	if o.cfg.AppToken != "" {
		wait, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := o.slack.Await(wait, func() bool { return o.slack.Sockets() == 2 }); err != nil {
			o.t.Fatal(err)
		}
	}
	return p
}

func (o *office) directory() chatops.Directory {
	d := chatops.Directory{People: []chatops.Identity{{Name: "alice", ID: slacktest.Alice}, {Name: "bob", ID: slacktest.BobUser}, {Name: "carol", ID: slacktest.Carol}, {Name: "gus", ID: slacktest.Gus}, {Name: "olga", ID: slacktest.Olga}}}
	d.People = slices.DeleteFunc(d.People, func(p chatops.Identity) bool { return slices.Contains(o.strange, p.Name) })
	d.ByEmail = o.byEmail
	for _, name := range o.strange {
		d.People = append(d.People, chatops.Identity{Name: name, Email: name + "@EXAMPLE.com"})
	}
	return d
}

// kill ends a process wherever it is. Another call does nothing.
func (p *process) kill() {
	if p.store == nil {
		return
	}
	if p.http != nil {
		p.http.Close()
	}
	p.end()
	if err := <-p.done; err != nil {
		p.t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.rt.Close(ctx)
	_ = p.store.Close()
	p.store = nil
}

// start begins a run.
func (o *office) start(id, by string) {
	o.t.Helper()
	_, err := o.proc.rt.Start(o.t.Context(), o.facts(id, by), o.book.Pinned)
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) facts(id, by string) engine.Facts {
	f := engine.Facts{
		ID: id, Runbook: o.book.Name, Requester: engine.Requester{Kind: "person", Name: by}, Service: "api", Environment: "prod", Owner: "platform",
		Roles: people, Rules: engine.Rules, Pins: engine.Pins{Runbook: o.book.Digest, Config: "c", Actions: "a"},
	}
	if by == "" {
		f.Requester = engine.Requester{Kind: "alert", Name: "Full"}
	}
	return f
}

// run is a run as it stands.
func (o *office) run(id string) engine.Run {
	o.t.Helper()
	r, err := o.proc.rt.Run(o.t.Context(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	return r
}

// wait waits for a message in the channel.
func (o *office) wait(what string, match func(slacktest.Message) bool) slacktest.Message {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	m, err := o.slack.WaitMessage(ctx, slacktest.Incidents, match)
	if err != nil {
		var all string
		for _, m := range o.slack.Messages(slacktest.Incidents) {
			all += "--- " + m.TS + " in " + m.ThreadTS + "\n" + m.Render() + "\n"
		}
		o.t.Fatalf("no %s: %v; there is\n%s", what, err, all)
	}
	return m
}

// told waits for what one person is told alone.
func (o *office) told(user, text string) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	if _, err := o.slack.WaitEphemeral(ctx, slacktest.Incidents, user, slacktest.Containing(text)); err != nil {
		var all string
		for _, m := range o.slack.Ephemerals(slacktest.Incidents, user) {
			all += m.Render() + "\n"
		}
		o.t.Fatalf("%s is not told %q: %v; but\n%s", user, text, err, all)
	}
}

// card waits for the open card of a run.
func (o *office) card(id string) slacktest.Message {
	o.t.Helper()
	return o.wait("open card of "+id, func(m slacktest.Message) bool { return strings.Contains(m.Text, id) && m.Has("rb.approve.v1") })
}

func (o *office) click(user, ts, action string) {
	o.t.Helper()
	o.press(slacktest.Click{User: user, Channel: slacktest.Incidents, TS: ts, Action: action})
}

func (o *office) press(c slacktest.Click) {
	o.t.Helper()
	o.does(c.User, func() error { _, err := o.slack.Click(c); return err })
}

func (o *office) command(user, text string) {
	o.t.Helper()
	o.does(user, func() error {
		_, err := o.slack.Command(slacktest.Command{User: user, Channel: slacktest.Incidents, Text: text})
		return err
	})
}

// does what may open a window, and does it again, when asked to, should it be
// opened too late: Slack gives three seconds, which a busy machine may miss.
func (o *office) does(user string, what func() error) {
	o.t.Helper()
	do := func() {
		o.t.Helper()
		if err := what(); err != nil {
			o.t.Fatal(err)
		}
	}
	if o.again == nil {
		o.again = map[string]func(){}
	}
	o.again[user], o.late = do, o.tooLate()
	do()
}

// tooLate counts the windows that were opened too late.
func (o *office) tooLate() (n int) {
	for _, e := range o.slack.Log() {
		if e.Name == "views.open" && strings.Contains(e.Text, "expired_trigger_id") {
			n++
		}
	}
	return n
}

// window waits until somebody is shown one that is meant. Where it comes too late
// they do once more what opens it, as they are told to.
func (o *office) window(user string, meant func(raw string) bool) error {
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	for {
		var shown bool
		err := o.slack.Await(ctx, func() bool {
			v, ok := o.slack.View(user)
			raw, _ := json.Marshal(v)
			shown = ok && meant(string(raw))
			return shown || o.tooLate() > o.late
		})
		if shown || err != nil {
			return err
		}
		o.late = o.tooLate()
		o.again[user]()
	}
}

// ended waits for the end of a run.
func (o *office) ended(id string) engine.Run {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	records, err := o.proc.rt.Watch(ctx, id, 1)
	if err != nil {
		o.t.Fatal(err)
	}
	for range records {
	}
	r := o.run(id)
	if !r.Ended() {
		o.t.Fatalf("run %s has not ended: %v", id, r.Waits())
	}
	return r
}

// patience is how long a test waits for what must come.
const patience = time.Minute

type deskRuns struct {
	*local.Runtime

	store *sqlite.Store
}

func (r deskRuns) Records(ctx context.Context, id string) ([]engine.Record, error) {
	return r.store.Load(ctx, id, 0)
}

func (r deskRuns) List(ctx context.Context, open bool, limit int) ([]engine.Head, error) {
	return r.Runs(ctx, local.Filter{Unsettled: open, Limit: limit})
}

type deskStops struct{ rt *local.Runtime }

func (s deskStops) Standing() (all []engine.Stop) {
	for _, o := range s.rt.Orders() {
		all = append(all, engine.Stop{Kind: o.Kind, Service: o.Service, By: o.By, Reason: o.Reason, At: o.At})
	}
	return all
}

func (s deskStops) Order(ctx context.Context, by string, kind engine.StopKind, service, reason string, on bool) error {
	return s.rt.Order(ctx, local.Order{Kind: kind, Service: service, On: on, By: by, Reason: reason})
}

type deskStarts struct {
	o *office
	p *process
}

func (s *deskStarts) Books() []*runbook.Runbook { return []*runbook.Runbook{s.o.book} }

func (s *deskStarts) Start(ctx context.Context, w chatops.Wish, _ *runbook.Runbook, inputs map[string]json.RawMessage) (string, error) {
	f := s.o.facts("c"+w.Key[len(w.Key)-8:], w.By)
	f.Inputs = inputs
	id, err := s.p.rt.Start(ctx, f, s.o.book.Pinned)
	if errors.Is(err, local.ErrExists) {
		return f.ID, nil
	}
	return id, err
}

func (s *deskStarts) Retry(context.Context, chatops.Wish, string, string) (string, error) {
	return "", errors.New("nothing to retry")
}

func (s *deskStarts) Plan(context.Context, string, *runbook.Runbook, map[string]json.RawMessage) (*forecast.Forecast, error) {
	return &forecast.Forecast{}, nil
}

type shelf struct{ store *sqlite.Store }

func (s shelf) SetPost(ctx context.Context, p slack.Post) error {
	return s.store.SetPost(ctx, sqlite.Post(p))
}

func (s shelf) DropPost(ctx context.Context, p slack.Post) error {
	return s.store.DropPost(ctx, sqlite.Post(p))
}

func (s shelf) Posts(ctx context.Context, run string) ([]slack.Post, error) {
	all, err := s.store.Posts(ctx, run)
	var out []slack.Post
	for _, p := range all {
		out = append(out, slack.Post(p))
	}
	return out, err
}

func (s shelf) Untold(ctx context.Context, since time.Time, key string) ([]string, error) {
	return s.store.Untold(ctx, since, key)
}

func (s shelf) Hear(ctx context.Context, h slack.Heard) (bool, error) {
	return s.store.Hear(ctx, sqlite.Heard(h))
}

func (s shelf) Unheeded(ctx context.Context) ([]slack.Heard, error) {
	all, err := s.store.Unheeded(ctx)
	var out []slack.Heard
	for _, h := range all {
		out = append(out, slack.Heard(h))
	}
	return out, err
}

func (s shelf) Heed(ctx context.Context, key string) error { return s.store.Heed(ctx, key) }

// shown waits until somebody is shown a window with a text.
func (o *office) shown(user, text string) {
	o.t.Helper()
	if err := o.window(user, func(raw string) bool { return strings.Contains(raw, text) }); err != nil {
		o.t.Fatalf("%s is shown no window that says %q: %v", user, text, err)
	}
}

// submit fills in the form that somebody is shown.
func (o *office) submit(user string, values map[string]string) {
	o.t.Helper()
	err := o.window(user, func(raw string) bool {
		for name := range values {
			if !strings.Contains(raw, strconv.Quote(name)) {
				return false
			}
		}
		return true
	})
	if err != nil {
		o.t.Fatalf("%s is shown no such form: %v", user, err)
	}
	if _, err := o.slack.Submit(slacktest.Submit{User: user, Values: values}); err != nil {
		o.t.Fatal(err)
	}
}

// records are the records of a run.
func (o *office) records(id string) []engine.Record {
	o.t.Helper()
	recs, err := o.proc.store.Load(o.t.Context(), id, 0)
	if err != nil {
		o.t.Fatal(err)
	}
	return recs
}

// heads are all runs.
func (o *office) heads() []engine.Head {
	o.t.Helper()
	heads, err := o.proc.rt.Runs(o.t.Context(), local.Filter{})
	if err != nil {
		o.t.Fatal(err)
	}
	return heads
}

// closed waits until nothing of a card can be pressed.
func (o *office) closed(ts string) {
	o.t.Helper()
	o.wait("closed card", func(m slacktest.Message) bool { return m.TS == ts && len(m.Buttons()) == 0 })
}

// count is how many messages of the channel fit.
func (o *office) count(match func(slacktest.Message) bool) int {
	n := 0
	for _, m := range o.slack.Messages(slacktest.Incidents) {
		if match(m) {
			n++
		}
	}
	return n
}

// try presses yes, where that can be pressed still; nil: it is gone.
func (o *office) try(user, ts string) *slacktest.Delivery {
	c := slacktest.Click{User: user, Channel: slacktest.Incidents, TS: ts, Action: "rb.approve.v1"}
	d, err := o.slack.Click(c)
	if err != nil {
		c.Stale = true
		d, _ = o.slack.Click(c) // it may be gone
	}
	return d
}

// heard presses yes until one press was acknowledged, as people do who see that
// theirs came to nothing. before are those that were made already.
func (o *office) heard(user, ts string, before ...*slacktest.Delivery) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 3*patience)
	defer cancel()
	for {
		for _, d := range before {
			if d == nil {
				continue
			}
			switch r, err := d.Wait(ctx); {
			case err != nil:
				o.t.Fatal(err)
			case r.Error == "":
				return
			}
		}
		d := o.try(user, ts)
		if d == nil {
			return // nothing is there to press any more: it was decided
		}
		before = []*slacktest.Delivery{d}
	}
}
