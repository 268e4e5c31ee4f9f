package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/chatops/slack"
	"github.com/firebreak-ops/firebreak/plugins/host"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/alerts"
	"github.com/firebreak-ops/firebreak/server/intake"
)

// defaultListen is where serve listens when nobody says otherwise.
const defaultListen = "127.0.0.1:8443"

func newServe(a *app) *cobra.Command {
	var listen string
	c := withExits(&cobra.Command{
		Use:   "serve",
		Short: "Own the state for long: drive runs, and let alerts start them",
		Long: `serve becomes the owner of the state, goes on with every run that has not ended,
and takes alerts from the sources in firebreak.yaml: POST /v1/alerts/SOURCE. An alert
is stored before it is acknowledged, and starts the one runbook whose trigger answers
it: once, however often it comes, and not while a run of the same cause goes on or
cools down. What came, and what became of it: firebreak alerts list.

All other verbs work beside it. Runbooks and firebreak.yaml are read when it begins,
runbooks again at firebreak reload; secrets whenever they are needed. Ctrl-C, SIGTERM
and SIGHUP end it: no more is taken, what is in flight ends, and every run goes on with
the next owner.`,
		Example: `  firebreak serve
  firebreak serve --listen 127.0.0.1:9000 --json`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), listen) },
	}, exitProblems, exitState)
	c.Flags().StringVar(&listen, "listen", "", "listen on `HOST:PORT` (default: serve.listen in firebreak.yaml, else "+defaultListen+")")
	return c
}

func (a *app) serve(ctx context.Context, listen string) (err error) {
	ctx, stop := signal.NotifyContext(ctx, append(endings(), os.Interrupt)...)
	defer stop()
	if err := a.here("serve"); err != nil {
		return err
	}
	ws, err := a.loadWorkspace(ctx)
	if err != nil {
		return err
	}
	found, err := a.shelved(ws)
	if err != nil {
		return err
	}
	books, err := ws.trace(found)
	if err != nil {
		return err
	}
	if err := ws.sourceSecrets(); err != nil {
		return err
	}
	a.observer = newObserver(a.logger())
	if err := a.observer.trace(ctx); err != nil {
		return err
	}
	defer a.observer.untrace() // the last: what ends is told, too
	s, err := a.connect(ctx, true, loaded(ws))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if s.own == nil {
		return fail(exitState, "end it first, or name another file with --state", "another process drives the runs of this state")
	}
	s.own.keep(books)
	d := &daemon{app: a, own: s.own}
	if d.chat, err = s.own.newChat(); err != nil {
		return err
	}
	return d.run(ctx, listen)
}

// logger writes to standard error: as JSON with --json, else as text.
func (a *app) logger() *slog.Logger {
	if a.flags.json {
		return slog.New(slog.NewJSONHandler(a.err, nil))
	}
	return slog.New(slog.NewTextHandler(a.err, nil))
}

// sourceSecrets finds out whether every source can prove itself, and whether
// somebody can be woken.
func (w *workspace) sourceSecrets() error {
	if p := w.config.Paging; p != nil {
		refs := append([]string{p.RoutingKey}, slices.Collect(maps.Values(p.Roles))...)
		if p.Heartbeat != nil {
			refs = append(refs, p.Heartbeat.URL)
		}
		for _, ref := range refs {
			if _, err := host.Secret(ref); err != nil {
				return fail(exitProblems, "correct paging in firebreak.yaml, or set what it names", "paging: %w", err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.config.Sources)) {
		s := w.config.Sources[name]
		if s.Notes != nil {
			if _, err := host.Secret(s.Notes.Token); err != nil {
				return fail(exitProblems, "correct sources."+name+".notes in firebreak.yaml, or set what it names", "source %s: %w", name, err)
			}
		}
		for _, ref := range s.Secrets {
			if _, err := host.Secret(ref); err != nil {
				return fail(exitProblems, "correct sources."+name+".secrets in firebreak.yaml, or set what it names", "source %s: %w", name, err)
			}
		}
	}
	return nil
}

// daemon is an owner that takes alerts in, and talks to people in a chat.
type daemon struct {
	app  *app
	own  *owner
	chat *slack.Bot // nil: there is none

	mu sync.Mutex // guards what is printed
}

// run takes alerts in until ctx ends, or until the state can no longer be used.
func (d *daemon) run(ctx context.Context, listen string) error {
	config := d.own.ws.config
	in := intake.New(intake.Config{
		Shelf: alertShelf{d.own.store}, Runs: alertRuns{d.own}, Sources: config.Sources, Matcher: func() *alerts.Matcher { return d.own.kept.Load().matcher },
		Secret: host.Secret, Told: d.told, Warn: func(err error) { d.own.warn("", err) },
	})
	f := server.FrontConfig{Listen: defaultListen, Handler: d.own.server.Front(in), HangUp: d.own.server.HangUp}
	if s := config.Serve; s != nil {
		f.Cert, f.Key, f.Plain = s.Cert, s.Key, s.Plain
		if s.Listen != "" {
			f.Listen = s.Listen
		}
	}
	if listen != "" {
		f.Listen = listen
	}
	if d.chat != nil && config.Chat.Slack.SigningSecret != "" {
		mux := http.NewServeMux()
		mux.Handle("/", f.Handler)
		mux.Handle("POST /v1/slack", d.chat)
		f.Handler = mux
	}
	front := server.NewFront(f)
	if err := front.Start(ctx); err != nil {
		return err
	}
	d.serving(front.Addr())
	var warm sync.WaitGroup
	defer warm.Wait()
	warm.Go(func() { d.own.warmUp(ctx) })
	deciding, cancel := context.WithCancel(ctx)
	defer cancel()
	decided := make(chan error, 1)
	go func() { decided <- d.work(deciding, in) }()
	var err error
	select {
	case err = <-decided:
	case <-d.own.rt.Done():
		err = d.own.rt.Err()
	case <-ctx.Done():
	}
	drain, done := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer done()
	err = errors.Join(err, front.Stop(drain))
	if cancel(); err == nil {
		err = <-decided
	}
	return err
}

// work decides about alerts, and talks to people, until ctx ends.
func (d *daemon) work(ctx context.Context, in *intake.Intake) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return in.Run(ctx) })
	if d.chat != nil {
		group.Go(func() error { return d.chat.Run(ctx) })
	}
	if d.own.notes != nil {
		group.Go(func() error { return d.own.notes.run(ctx) })
	}
	if d.own.ws.config.Paging != nil {
		group.Go(func() error { return d.own.listen(ctx) })
		group.Go(func() error { return d.own.beat(ctx) })
	}
	return group.Wait()
}

func (d *daemon) serving(addr string) {
	names := []string{}
	for _, book := range d.own.kept.Load().all {
		if len(book.Triggers) > 0 {
			names = append(names, book.Name)
		}
	}
	sources := slices.Sorted(maps.Keys(d.own.ws.config.Sources))
	if d.app.flags.json {
		_ = d.app.printJSON(map[string]any{"type": "serving", "address": addr, "sources": append([]string{}, sources...), "runbooks": names})
		return
	}
	d.app.printf("serving on %s; alerts from: %s; they may start: %s\n", addr, orNone(sources), orNone(names))
}

// told says what became of an alert, and wakes somebody where that is needed.
func (d *daemon) told(ctx context.Context, e *intake.Entry) {
	if err := d.own.page(ctx, e); err != nil && ctx.Err() == nil {
		d.own.warn(e.Run, err)
	}
	d.app.observer.decided(e)
	d.mu.Lock()
	defer d.mu.Unlock()
	line := alertView(*e)
	if d.app.flags.json {
		_ = d.app.printJSON(jsonLine[server.AlertView]{"alert", line})
		return
	}
	text := line.Source + ": "
	if line.Name != "" {
		text += line.Name + ": "
	}
	d.app.printf("%s\n", chatops.OneLine(text+whatBecame(line)))
}
