package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/engine/policy"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/plugins/capability"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
	"github.com/firebreak-ops/firebreak/server/paging"
)

// closeTimeout bounds how long an owner takes to end once it was asked to.
const closeTimeout = 20 * time.Second

// owner is this process as the owner of a state file: it drives the runs and
// answers on the socket. Every verb, its own included, is a client.
type owner struct {
	app       *app
	ws        *workspace
	store     *sqlite.Store
	host      *host.Host // nil: it only records
	rt        *local.Runtime
	server    *server.Server
	kept      atomic.Pointer[kept] // the runbooks of a daemon, as it has read them
	reloading sync.Mutex           // held while they are read anew
	origins   sync.Map             // []policy.Origin of all that a daemon has read, by digest
	rules     *rules
	ruled     error         // some of the rules cannot be read; only of an owner that drives nothing
	pager     *paging.Pager // nil: nobody is woken
	notes     *notes        // nil: nothing is written on incidents

	stopPager func() // nil: it does not run

	closed sync.Once
	failed error // of Close
}

// own makes this process the owner. drive: it runs plugins and drives runs;
// otherwise it only records what people say.
func (a *app) own(ctx context.Context, ws *workspace, state string, drive bool) (_ *owner, err error) {
	o := &owner{app: a, ws: ws}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()
	if err := a.makeStateDir(state); err != nil {
		return nil, err
	}
	if o.store, err = sqlite.Open(ctx, state); err != nil {
		return nil, err
	}
	if o.rules, o.ruled = newRules(ws.config, time.Now()); o.ruled != nil && drive {
		return nil, o.ruled
	}
	if drive && a.observer != nil {
		o.notes = newNotes(o)
	}
	cfg := local.Config{Journal: o.store, State: o.store, Book: ws.book, RecordOnly: !drive, Warn: o.warn, Freezes: o.rules.standing, Reported: o.reported, Bar: o.bar}
	if a.journal != nil {
		cfg.Journal = a.journal(cfg.Journal)
	}
	if drive {
		log := slog.New(slog.DiscardHandler)
		if a.observer != nil {
			log = a.observer.log
		}
		if o.host, err = ws.newHost(log); err != nil {
			return nil, err
		}
		x := &executor{host: o.host, config: ws.config, notify: o.notify, reported: func(ctx context.Context, service string, since time.Time) []capability.Change {
			return reportedTo(ctx, o.store, service, since)
		}}
		cfg.Executor = x
		if a.observer != nil {
			a.observer.own = o
			cfg.Journal, cfg.Executor = observed{cfg.Journal, a.observer}, called{x, a.observer}
		}
		cfg.Pins, cfg.Roles, cfg.Changed = o.pins, ws.roles(), o.changed
		if ws.config.Paging != nil { // before the runs that are taken over go on: they may page
			o.pager = o.newPager()
		}
	}
	if o.rt, err = local.Open(ctx, cfg); err != nil {
		return nil, err
	}
	if o.pager != nil {
		o.startPager()
	}
	sc := server.Config{
		Socket: server.SocketPath(o.store.Path()), State: o.store.Path(), Runs: runs{o.rt, ws}, Stops: stops{o.rt, ws},
		List: o.list, Blocker: o.rt.Blocker, Live: o.live, Start: o.startRequest, Undo: o.undoEnded, UndoOf: o.undoOf, Retry: o.retryEnded, Prune: o.prune, Reload: o.reload, Plugins: o.plugins, Snapshot: o.snapshot, Person: o.person, Policy: o.policy,
		Tokens: tokens{o.store, ws}, Changes: changes{o.store, ws, o.rt}, Runbooks: o.runbooks, Runbook: o.runbook,
		Services: o.services, Alerts: o.alerts, Audit: o.audit, Ready: o.ready, Chat: o.chatStatus,
		Drives: drive, Version: buildVersion(), Generation: o.rt.Generation(),
	}
	if a.observer != nil {
		sc.Metrics, sc.Heard = a.observer.metrics.Handler(), a.observer.heard
		sc.MetricsOpen = ws.config.Serve != nil && ws.config.Serve.MetricsOpen
	}
	o.server = server.New(sc)
	if err := o.server.Start(); err != nil {
		return nil, err
	}
	debug.FreeOSMemory() // to take many runs over needs memory that is not needed any more
	return o, o.store.Announce(o.server.Addr())
}

// Close ends the owner: runs that have not ended go on with the next one.
// A second Close returns what the first did, once that is done.
func (o *owner) Close() error {
	o.closed.Do(func() { o.failed = o.close() })
	return o.failed
}

func (o *owner) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	if o.rt != nil { // first, so that who follows a run sees how a change in flight ends
		errs = append(errs, o.rt.Close(ctx))
	}
	if o.server != nil {
		errs = append(errs, o.server.Stop(ctx))
	}
	if o.stopPager != nil {
		o.stopPager()
	}
	if o.host != nil {
		errs = append(errs, o.host.Stop(ctx))
	}
	if o.store != nil {
		errs = append(errs, o.store.Close())
	}
	return errors.Join(errs...)
}

// client is how verbs talk to this owner.
func (o *owner) client() *client.Client { return client.New(o.server.Addr()) }

// warn says what nobody asked about and somebody must know: a run that cannot
// be read, an answer of a plugin that could not be used.
func (o *owner) warn(run string, err error) {
	if errors.Is(err, engine.ErrStale) {
		return // an answer that came too late is normal
	}
	_, text, hint := explain(err)
	if o.app.observer != nil {
		o.app.observer.log.Warn(text, "run", run, "hint", hint)
		return
	}
	if o.app.flags.json {
		_ = o.app.printJSON(map[string]any{"type": "warning", "run": run, "text": text, "hint": hint})
		return
	}
	fmt.Fprintf(o.app.err, "firebreak: run %s: %s\n", run, text)
	if hint != "" {
		fmt.Fprintf(o.app.err, "  %s\n", hint)
	}
}

// errNoChannel is recorded with every notice where there is no chat: whoever
// follows the run sees it, and nobody else is reached.
var errNoChannel = errors.New("no channel is configured; it is shown to whoever follows the run")

// runs are the runtime's, with what only the configuration can tell: which
// services there are.
type runs struct {
	*local.Runtime
	ws *workspace
}

// Give implements [server.Runs].
func (r runs) Give(ctx context.Context, run string, in engine.Input) error {
	if provide, ok := in.(engine.Provide); ok {
		if err := r.known(ctx, run, provide); err != nil {
			return err
		}
	}
	return r.Runtime.Give(ctx, run, in)
}

// known refuses the name of a service that is not configured, where a service
// is asked for. What is not even a text the run itself refuses.
func (r runs) known(ctx context.Context, run string, in engine.Provide) error {
	state, err := r.Run(ctx, run)
	if err != nil {
		return err
	}
	q := state.Questions[in.Question]
	if q == nil || q.Value != "service" {
		return nil
	}
	name, err := strconv.Unquote(string(in.Value))
	if bad := err != nil || name == ""; bad || r.ws.config.Services[name] != nil {
		return nil // the run refuses it
	}
	services := strings.Join(slices.Sorted(maps.Keys(r.ws.config.Services)), ", ")
	return local.NewError(local.ClassNotFound, fmt.Sprintf("there is no service %q", name), "firebreak.yaml has "+services, nil)
}

// stops are the runtime's orders, with the rule of who may lift one. Anybody
// who reaches the socket may stop everything; to go on takes a role.
type stops struct {
	rt *local.Runtime
	ws *workspace
}

// Order implements [server.Stops].
func (s stops) Order(ctx context.Context, by string, req server.StopRequest, on bool) error {
	switch {
	case req.Kind != engine.StopHalt && req.Kind != engine.StopHold:
		return local.NewError(local.ClassInvalid, fmt.Sprintf("there is no stop of the kind %q", req.Kind), "the kinds are halt and hold", nil)
	case req.Kind == engine.StopHold && req.Service == "":
		return local.NewError(local.ClassInvalid, "a hold is of a service, and none is named", "to stop everything: `firebreak halt`", nil)
	case on && req.Service != "" && s.ws.config.Services[req.Service] == nil:
		return local.NewError(local.ClassNotFound, "there is no service "+req.Service, "the services are those of firebreak.yaml", nil)
	}
	if !on {
		if refusal := s.ws.noRole(by); refusal != "" {
			return &engine.Refusal{By: by, What: "lift", Reason: refusal}
		}
	}
	return s.rt.Order(ctx, local.Order{Kind: req.Kind, Service: req.Service, On: on, By: by, Reason: req.Reason})
}

// Standing implements [server.Stops].
func (s stops) Standing() []engine.Stop {
	var out []engine.Stop
	for _, o := range s.rt.Orders() {
		out = append(out, engine.Stop{Kind: o.Kind, Service: o.Service, By: o.By, Reason: o.Reason, At: o.At})
	}
	return out
}

// noRole is why a person has no say, or empty: whoever has any role does.
func (w *workspace) noRole(person string) (refusal string) {
	facts := policy.Facts{Members: map[string][]string{}}
	for name, role := range w.roles() {
		facts.Members[name] = role.People
	}
	if facts.Known(person) {
		return ""
	}
	return person + " has no role in firebreak.yaml"
}

// book makes a runbook of pinned bytes.
func (w *workspace) book(src []byte) (*runbook.Runbook, error) {
	book, problems := runbook.Load("pinned runbook", src, w.catalog)
	if len(problems) > 0 {
		return nil, fmt.Errorf("the pinned runbook no longer passes: %s", problems[0])
	}
	return book, nil
}

// pins is what this owner would pin for a run that an earlier one began, or
// nil when nothing has changed.
func (o *owner) pins(f engine.Facts) *engine.Pins {
	now := engine.Pins{Runbook: f.Pins.Runbook, Config: o.ws.config.Digest, Actions: o.ws.actions, Plugins: map[string]string{}}
	changed := now.Config != f.Pins.Config || now.Actions != f.Pins.Actions
	for name, was := range f.Pins.Plugins {
		now.Plugins[name] = was
		if is := o.host.Served(name); is != "" && is != was {
			now.Plugins[name], changed = is, true
		}
	}
	if !changed {
		return nil
	}
	return &now
}

// start begins a run and returns its id.
func (o *owner) start(ctx context.Context, q request, src []byte) (string, error) {
	facts, err := o.ws.facts(ctx, o.host, q)
	if err != nil {
		return "", err
	}
	return o.begin(ctx, facts, src, o.ws.configBytes)
}

// begin starts a run under a name that no other has.
func (o *owner) begin(ctx context.Context, f engine.Facts, pins ...[]byte) (string, error) {
	for {
		f.ID = newRunID(time.Now())
		if id, err := o.rt.Start(ctx, f, pins...); !errors.Is(err, local.ErrExists) {
			return id, err
		}
	}
}

func (o *owner) startRequest(ctx context.Context, by server.Caller, req server.StartRequest) (string, error) {
	if o.host == nil {
		return "", errNoDriver
	}
	found, err := o.requested(req)
	if err != nil {
		return "", err
	}
	if err := o.ws.supplied(found.origins); err != nil {
		return "", err
	}
	return o.start(ctx, request{
		runbook: found.book, origins: found.origins, inputs: req.Inputs, requester: by.Requester(),
	}, found.book.Pinned)
}

// requested is the runbook that somebody wants to run, and where it is from.
func (o *owner) requested(req server.StartRequest) (*shelved, error) {
	if req.Source == "" {
		all, err := o.shelf()
		if err != nil {
			return nil, err
		}
		found := all[req.Runbook]
		if found == nil {
			return nil, noRunbook(req.Runbook, all)
		}
		if found.origins == nil {
			err = found.trace()
		}
		return found, err
	}
	book, problems := runbook.Load(req.File, []byte(req.Source), o.ws.catalog)
	if len(problems) > 0 {
		return nil, fail(exitProblems, "`firebreak check` lists them all", "%s", problems[0])
	}
	found := &shelved{book: book, file: req.File, files: req.Files}
	return found, found.trace()
}

var errNoDriver = fail(exitState, "`firebreak resume` drives them", "no process drives runs now")

// undoEnded begins a run that undoes one that has ended.
func (o *owner) undoEnded(ctx context.Context, by server.Caller, done engine.Run, reason string) (string, error) {
	if o.host == nil {
		return "", errNoDriver
	}
	if f := done.Facts; f.UndoOf != "" { // its ledger holds what the first has changed
		return "", fail(exitRefused, "`firebreak undo "+f.UndoOf+"` undoes what is left", "run %s is the undo of run %s, which is not undone", f.ID, f.UndoOf)
	}
	before, err := o.undoOf(ctx, done.Facts.ID)
	if err != nil {
		return "", err
	}
	if before != nil && !before.Ended() {
		return "", fail(exitRefused, "`firebreak runs show "+before.Facts.ID+"` shows how far it is", "run %s undoes run %s already", before.Facts.ID, done.Facts.ID)
	}
	f := engine.UndoOf(&done, before)
	f.Reason, f.Requester = reason, by.Requester()
	switch {
	case len(f.Undo) > 0:
	case before != nil:
		return "", fail(exitRefused, "", "run %s has undone all that run %s changed", before.Facts.ID, done.Facts.ID)
	default:
		return "", fail(exitRefused, "", "run %s left nothing changed", done.Facts.ID)
	}
	f.Roles = o.ws.roles()
	f.Pins.Config = o.ws.config.Digest
	src, err := o.store.Blob(ctx, f.Pins.Runbook) // given again: the run that has ended may be pruned meanwhile
	if err != nil {
		return "", err
	}
	id, err := o.begin(ctx, f, src, o.ws.configBytes)
	if start, ok := errors.AsType[*engine.StartError](err); ok {
		err = fail(exitRefused, "`firebreak runs show "+done.Facts.ID+"` lists it; put it back by hand", "%s", start)
	}
	return id, err
}

// undoOf is the run that undoes one which has ended, or that has undone some of
// it; nil: there is none.
func (o *owner) undoOf(ctx context.Context, run string) (*engine.Run, error) {
	id, err := o.store.UndoOf(ctx, run)
	if err != nil || id == "" {
		return nil, err
	}
	undo, err := o.rt.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	if undo.Ended() && !slices.ContainsFunc(undo.Ledger, func(row *engine.Row) bool { return row.State == engine.RowUndone }) {
		return nil, nil //nolint:nilnil // nothing was undone
	}
	return &undo, nil
}

// retryEnded begins a run that goes on from a step of one that has ended.
func (o *owner) retryEnded(ctx context.Context, by server.Caller, done engine.Run, from string) (string, error) {
	facts, src, err := o.retryFacts(ctx, by, done, from)
	if err != nil {
		return "", err
	}
	return o.begin(ctx, facts, src, o.ws.configBytes)
}

// retryFacts are the facts of such a run, without an id, and the source of its
// runbook. What it is bound to is looked at anew.
func (o *owner) retryFacts(ctx context.Context, by server.Caller, done engine.Run, from string) (facts engine.Facts, src []byte, err error) {
	if o.host == nil {
		return facts, nil, errNoDriver
	}
	if from != "" && done.Book.ByID(from) == nil && done.Book.Step(from) == nil {
		return facts, nil, noStep(done.Facts.ID, from)
	}
	if err := o.ws.supplied(done.Facts.Origins); err != nil {
		return facts, nil, err
	}
	if facts, err = o.ws.facts(ctx, o.host, request{
		runbook: done.Book, origins: done.Facts.Origins, inputs: done.Facts.Inputs, alert: done.Facts.Alert,
		requester: by.Requester(),
	}); err != nil {
		return facts, nil, err
	}
	if facts, err = engine.Retry(&done, from, facts); err != nil {
		return facts, nil, fail(exitRefused, "`firebreak runs show "+done.Facts.ID+"` shows how its steps ended", "%s", err)
	}
	if len(facts.Carried) > 0 {
		if err := o.stillDone(ctx, done); err != nil {
			return facts, nil, err
		}
	}
	src, err = o.store.Blob(ctx, done.Facts.Pins.Runbook)
	return facts, src, err
}

// stillDone refuses to take for done what a run, or one that it went on from,
// had changed, once another run has put back any of that, or is about to.
func (o *owner) stillDone(ctx context.Context, done engine.Run) error {
	for {
		undo, err := o.undoOf(ctx, done.Facts.ID)
		if err != nil {
			return err
		}
		if undo != nil {
			how := "has put"
			if !undo.Ended() {
				how = "puts"
			}
			return fail(exitRefused, "begin with its first step, or run it anew", "run %s %s back what %s changed before that step", undo.Facts.ID, how, done.Facts.ID)
		}
		if done.Facts.RetryOf == "" {
			return nil
		}
		if done, err = o.rt.Run(ctx, done.Facts.RetryOf); errors.Is(err, local.ErrPruned) {
			return nil // it was pruned, and nobody can undo it any more
		} else if err != nil {
			return err
		}
	}
}

// prune gives up runs that have ended. As with a halt, who has a role may.
func (o *owner) prune(ctx context.Context, by server.Caller, req server.PruneRequest) (server.Pruned, error) {
	if refusal := o.ws.noRole(by.Person); refusal != "" {
		return server.Pruned{}, &engine.Refusal{By: by.Person, What: "prune", Reason: refusal}
	}
	done, err := o.rt.Prune(ctx, req.Before, by.Person, req.Reason)
	return server.Pruned{Runs: len(done.Runs), Records: done.Records, Kept: append([]string{}, done.Kept...)}, err
}

func (o *owner) list(ctx context.Context, q server.Query) ([]engine.Head, error) {
	return o.rt.Runs(ctx, local.Filter{Unsettled: q.Unsettled, Asking: q.Asking, Service: q.Service, Limit: q.Limit, After: q.After})
}

func (o *owner) live(ctx context.Context, run string, to func(server.Progress)) {
	for p := range o.rt.WatchLive(ctx, run) {
		to(server.Progress(p))
	}
}

func (o *owner) plugins(ctx context.Context) (json.RawMessage, error) {
	if o.host == nil {
		return nil, errNoDriver
	}
	return json.Marshal(o.ws.pluginLines(ctx, o.host))
}

// snapshot reads what a diagnosis needs with the plugins of this process.
func (o *owner) snapshot(ctx context.Context, name string, since time.Duration) (json.RawMessage, error) {
	if o.host == nil {
		return nil, errNoDriver
	}
	svc, ok := o.ws.config.Services[name]
	if !ok {
		return nil, local.NewError(local.ClassNotFound, "there is no service "+name, "the services are those of firebreak.yaml", nil)
	}
	s := look(ctx, o.host, svc, since)
	s.Input.Reported = reportedTo(ctx, o.store, name, s.At.Add(-since))
	return json.Marshal(s)
}

// warmUp has the plugins open what a diagnosis reads of every service, so that
// connections are there, and the past is known, before there is trouble. It
// blocks until all have answered or ctx ends.
func (o *owner) warmUp(ctx context.Context) {
	var all sync.WaitGroup
	for _, svc := range o.ws.config.Services {
		all.Go(func() { look(ctx, o.host, svc, time.Minute) })
	}
	all.Wait()
}

func (o *owner) person(osUser string) string {
	name, ok := o.ws.config.PersonByOSUser(osUser)
	if !ok {
		return ""
	}
	return name
}
