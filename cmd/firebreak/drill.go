package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local/sqlite"
	"github.com/firebreak-ops/firebreak/runbooks"
	"github.com/firebreak-ops/firebreak/runbooks/drills"
	"github.com/firebreak-ops/firebreak/server"
)

type drillOptions struct {
	seed        uint64
	seeds       uint64
	control     bool
	length      time.Duration
	interactive bool
	verbose     bool
	on          string
	alerts      string
	kubeconfig  string
	chat        string
}

// What a drill can be played on.
const (
	onProcesses  = "processes"
	onKubernetes = "kubernetes"
)

// Who can raise the alert of a drill.
const (
	alertsDrill      = "drill"
	alertsPrometheus = "prometheus"
)

func newDrill(a *app) *cobra.Command {
	var o drillOptions
	c := withExits(&cobra.Command{
		Use:   "drill NAME",
		Short: "Practise on a real outage in a sandbox on this machine",
		Long: `drill starts a small production on this machine (PostgreSQL, a service of several
processes with real connection pools, its settings in a git repository, a load),
breaks it as the named incident did, raises the alert, runs the shipped runbook,
answers its gate after a time to think, and scores what came of it beside the
incident. All that it started is gone when it ends, however it ends.

With --on kubernetes the service is a Deployment, and its settings a ConfigMap, in a
namespace of its own of a cluster. The drill brings a node for the pods, on which they
are processes of this machine, so that any cluster will do. The runbook is the same.
The goals have 10 seconds more. The cluster is told that its namespace shall go; that
takes it some seconds. What a drill has left in the cluster that was killed with all its
processes, the next one takes away once its node has said nothing for 35 seconds.

With --alerts prometheus the alert goes the way that it goes in production: a
Prometheus watches the service with the shipped rules (their times are ten times
shorter, as the outage is), and its Alertmanager posts to a firebreak serve. Both must
be installed. The goal for the alert has 5 seconds more. The drill is passed when the
alert is resolved, too.

With --chat FILE the question is asked in the Slack of a firebreak.yaml, of its people
and roles, and one of them answers there, as in an outage.

With --json the last line is {"type":"drill_finished",...}: whether the drill was
passed, the cause, the seconds of each part, the requests that failed, and the goals.

Drills: ` + strings.Join(drills.Names(), ", "),
		Example: `  firebreak drill inc-2024-0715
  firebreak drill inc-2024-0715 --interactive    # you are the approver
  firebreak drill inc-2024-0715 --chat firebreak.yaml
  firebreak drill inc-2024-0715 --control        # what happens without firebreak
  firebreak drill inc-2024-0715 --seeds 10 --json
  firebreak drill inc-2024-0715 --alerts prometheus
  firebreak drill inc-2024-0715 --on kubernetes --kubeconfig practice.yaml`,
		Args: args(1, 1, "the name of a drill"),
		RunE: func(c *cobra.Command, got []string) error {
			if err := o.check(c); err != nil {
				return err
			}
			return a.drill(c.Context(), got[0], o)
		},
	}, exitDrill, exitNotFound)
	f := c.Flags()
	f.Uint64Var(&o.seed, "seed", 1, "what the decoys, the load and the number of replicas are made from")
	f.Uint64Var(&o.seeds, "seeds", 0, "play the seeds 1 to `N`, and report the worst of each figure")
	f.BoolVar(&o.control, "control", false, "nobody repairs anything; passed means that it stayed broken")
	f.DurationVar(&o.length, "length", 0, "how long a control lasts (default: as the drill says)")
	f.BoolVar(&o.interactive, "interactive", false, "you answer the gate, here or from another terminal")
	f.StringVar(&o.on, "on", onProcesses, "what the practice service is: `processes` with settings in git, or pods and a ConfigMap of a kubernetes cluster")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "with --on kubernetes: the `FILE` that says which cluster (default: $FIREBREAK_KUBECONFIG; never $KUBECONFIG)")
	f.StringVar(&o.alerts, "alerts", alertsDrill, "who raises the alert: the `drill` itself, or prometheus through the webhook of a firebreak serve")
	f.StringVar(&o.chat, "chat", "", "ask in the Slack of a firebreak.yaml, the `FILE`, whoever may answer there")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show what the sandbox's processes say")
	return c
}

// check refuses flags that make no sense, alone or together.
func (o drillOptions) check(c *cobra.Command) error {
	f := c.Flags()
	switch {
	case f.Changed("length") && !o.control:
		return &usageError{err: errors.New("--length is how long a control lasts, and this is none"), hint: "add --control, or leave it out"}
	case f.Changed("length") && o.length <= 0:
		return &usageError{err: fmt.Errorf("a control cannot last %s", o.length), hint: "as in --length 2m"}
	case o.on != onProcesses && o.on != onKubernetes:
		return &usageError{err: fmt.Errorf("--on %s is nothing that a drill can be played on", o.on), hint: "as in --on " + onKubernetes}
	case o.alerts != alertsDrill && o.alerts != alertsPrometheus:
		return &usageError{err: fmt.Errorf("--alerts %s is nobody who can raise an alert", o.alerts), hint: "as in --alerts " + alertsPrometheus}
	case f.Changed("kubeconfig") && o.on != onKubernetes:
		return &usageError{err: errors.New("--kubeconfig names a cluster, and this drill needs none"), hint: "add --on " + onKubernetes + ", or leave it out"}
	case f.Changed("seeds") && o.seeds == 0:
		return &usageError{err: errors.New("--seeds 0 plays nothing"), hint: "as in --seeds 10"}
	}
	return errors.Join(oneOf(c, "seed", "seeds"), oneOf(c, "control", "seeds"), oneOf(c, "control", "interactive"), oneOf(c, "control", "alerts"), oneOf(c, "control", "chat"), oneOf(c, "alerts", "chat"))
}

func (a *app) drill(ctx context.Context, name string, o drillOptions) error {
	if err := a.here("drill"); err != nil {
		return err
	}
	scenario, err := drills.Shipped(name)
	if err != nil {
		return fail(exitNotFound, "drills are: "+strings.Join(drills.Names(), ", "), "%w", err)
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this executable, to start parts of the sandbox: %w", err)
	}
	if o.on == onKubernetes && o.kubeconfig == "" {
		if o.kubeconfig = a.env("FIREBREAK_KUBECONFIG"); o.kubeconfig == "" {
			return &usageError{err: errors.New("no cluster to practise on is named"), hint: "give --kubeconfig FILE; the drill makes a node and a namespace there, and takes them away"}
		}
	}
	ctx, stop := signal.NotifyContext(ctx, append(endings(), os.Interrupt)...)
	defer stop()
	d := &drill{app: a, scenario: scenario, interactive: o.interactive, chat: o.chat}
	opts := drills.Options{
		Scenario: scenario, Seed: o.seed, Command: []string{exe, "practice"}, Interactive: o.interactive || o.chat != "",
		Open: d.open, Say: d.say, Kubeconfig: o.kubeconfig,
	}
	if o.verbose {
		opts.Log = a.err
	}
	if o.alerts == alertsPrometheus {
		opts.Serve = d.serve
	}
	switch {
	case o.control:
		r, err := drills.Control(ctx, opts, o.length)
		return d.finish(err, r.Passed, r, func() error { return drills.WriteControl(a.out, r) })
	case o.seeds > 0:
		r, err := drills.RunSeeds(ctx, opts, o.seeds, d.score)
		return d.finish(err, r.Passed == r.Seeds, r, func() error { return drills.WriteWorst(a.out, scenario, r) })
	default:
		r, err := drills.Run(ctx, opts)
		if err != nil {
			return err
		}
		if err := d.score(r); err != nil {
			return err
		}
		return passed(r.Passed)
	}
}

func passed(ok bool) error {
	if ok {
		return nil
	}
	return ended{exitDrill}
}

// drill is one drill on this terminal. It is the product to the drill: it
// makes this process the owner of a state of its own, and is then a client.
type drill struct {
	app         *app
	scenario    *drills.Scenario
	interactive bool
	chat        string // firebreak.yaml whose people are asked in their chat; empty: they are not

	hush   func() error // ends that; nil: there is nothing to end
	dir    string
	s      *session
	daemon *daemonProcess // nil: this process is the owner

	mu   sync.Mutex // guards what is written
	view *follower
}

func (d *drill) say(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.app.flags.json:
		_ = d.app.printJSON(map[string]any{"type": "drill_progress", "text": line})
	case d.view != nil:
		d.view.view.Say(line, time.Now())
	default:
		d.app.printf("  · %s\n", line)
	}
}

// score reports one result.
func (d *drill) score(r drills.Result) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.app.flags.json {
		return d.app.printJSON(r)
	}
	d.app.printf("\n")
	return drills.WriteResult(d.app.out, d.scenario, r)
}

// finish reports the last line of a drill that has one of its own.
func (d *drill) finish(err error, ok bool, line any, text func() error) error {
	if err != nil {
		return err
	}
	if d.app.flags.json {
		err = d.app.printJSON(line)
	} else {
		err = text()
	}
	return errors.Join(err, passed(ok))
}

// open implements [drills.Options.Open].
func (d *drill) open(ctx context.Context, config []byte) (_ drills.Command, err error) {
	if d.chat != "" {
		if config, err = d.app.practised(config, d.chat); err != nil {
			return nil, err
		}
	}
	ws, err := makeWorkspace(ctx, d.app, "the sandbox's firebreak.yaml", config)
	if err != nil {
		return nil, err
	}
	if err := d.makeFolder(); err != nil {
		return nil, err
	}
	o, err := d.app.own(ctx, ws, filepath.Join(d.dir, "state.db"), true)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(d.dir))
	}
	d.s = &session{Client: o.client(), own: o}
	if err := o.host.Warm(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start the plugins: %w", err), d.Close())
	}
	if err := d.talk(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// makeFolder makes the folder of the state, after those of killed drills are
// taken away.
func (d *drill) makeFolder() (err error) {
	if err := sweepDrills(os.TempDir()); err != nil {
		return fmt.Errorf("take away what killed drills have left: %w", err)
	}
	if d.dir, err = os.MkdirTemp("", drillFolder); err != nil {
		return fmt.Errorf("make a folder for the drill's state: %w", err)
	}
	return nil
}

// drillFolder is how the folders begin that hold the state of a drill.
const drillFolder = "firebreak-drill-state-"

// sweepDrills removes the states of drills that were killed: the operating
// system frees the lock of an owner that is gone.
func sweepDrills(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, drillFolder+"*", "state.db.lock"))
	if err != nil {
		return err
	}
	var errs []error
	for _, lock := range left {
		folder := filepath.Dir(lock)
		_, owned, err := sqlite.FindOwner(filepath.Join(folder, "state.db"))
		if err == nil && !owned { // else it is another user's, or under way
			errs = append(errs, os.RemoveAll(folder))
		}
	}
	return errors.Join(errs...)
}

// Start implements [drills.Command].
func (d *drill) Start(ctx context.Context, name string, alert drills.Alert) (string, error) {
	_, src, err := runbooks.File(name)
	if err != nil {
		return "", err
	}
	book, err := d.s.own.ws.book(src)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(map[string]any{
		"status": "firing", "labels": map[string]string{"alertname": alert.Name, "service": alert.Service},
		"annotations": map[string]string{}, "startsAt": alert.At.UTC().Format(time.RFC3339Nano),
	})
	if err != nil {
		return "", fmt.Errorf("write the alert: %w", err)
	}
	service, err := json.Marshal(alert.Service)
	if err != nil {
		return "", fmt.Errorf("write the service: %w", err)
	}
	return d.s.own.start(ctx, request{
		runbook: book, inputs: map[string]json.RawMessage{"service": service}, alert: raw,
		requester: engine.Requester{Kind: "drill", Name: d.scenario.Name},
	}, src)
}

// Watch implements [drills.Firebreak]. It also shows the run.
func (d *drill) Watch(ctx context.Context, run string) (<-chan drills.Moment, error) {
	f := &follower{app: d.app, s: d.s, run: run, answer: d.interactive && d.app.tty}
	f.as = run + " --state " + filepath.Join(d.dir, "state.db")
	if err := f.open(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.view = f
	d.mu.Unlock()
	moments := make(chan drills.Moment)
	go func() {
		defer close(moments)
		_ = d.s.Watch(ctx, run, 1, func(l server.Line) error { return d.line(ctx, f, l, moments) })
		d.mu.Lock()
		defer d.mu.Unlock()
		f.view.Close()
		d.view = nil
	}()
	go d.tick(ctx, f)
	return moments, nil
}

func (d *drill) line(ctx context.Context, f *follower, l server.Line, moments chan<- drills.Moment) error {
	d.mu.Lock()
	err := f.show(l)
	d.mu.Unlock()
	if err != nil {
		return err
	}
	if m, ok := moment(l); ok {
		select {
		case moments <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// tick keeps the live part moving, and passes on what is typed.
func (d *drill) tick(ctx context.Context, f *follower) {
	typed := make(chan string)
	if f.answer {
		go readLines(ctx, d.app, typed)
	}
	t := time.NewTicker(120 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case text, open := <-typed:
			d.mu.Lock()
			if open {
				f.reply(ctx, text)
			} else {
				typed = nil
				f.inputEnded()
			}
			d.mu.Unlock()
		case now := <-t.C:
			d.mu.Lock()
			if d.view == f {
				f.view.Tick(now)
			}
			d.mu.Unlock()
		}
	}
}

// moment is what the drill scores of a line.
func moment(l server.Line) (drills.Moment, bool) {
	m := drills.Moment{At: l.At}
	event, err := engine.UnmarshalEvent(l.Kind, l.Data)
	if l.Kind == "" || err != nil {
		return m, false
	}
	switch e := event.(type) {
	case engine.Acted:
		var out struct {
			Top *struct {
				Cause string `json:"cause"`
			} `json:"top"`
		}
		if json.Unmarshal(e.Outcome.Outputs, &out) != nil || out.Top == nil {
			return m, false
		}
		m.Kind, m.Cause = drills.MomentCause, out.Top.Cause
	case engine.QuestionOpened:
		m.Kind, m.Question, m.Digest = drills.MomentAsked, e.Question.ID, e.Question.Digest
	case engine.QuestionDecided:
		m.Kind, m.Question = drills.MomentAnswered, e.ID
	case engine.RunEnded:
		m.Kind, m.Word = drills.MomentEnded, string(e.Word)
	default:
		return m, false
	}
	return m, true
}

// Approve implements [drills.Firebreak]: it is the OS user of this process
// who answers, through the socket, as anybody would.
func (d *drill) Approve(ctx context.Context, run, question, digest string) error {
	return d.s.Say(ctx, run, server.VoteRequest{Question: question, Digest: digest, Approve: true})
}

// Close implements [drills.Firebreak].
func (d *drill) Close() error {
	var err error
	if d.hush != nil {
		err, d.hush = d.hush(), nil
	}
	err = errors.Join(err, d.s.Close())
	if d.daemon != nil {
		err = errors.Join(err, d.daemon.Stop(closeTimeout))
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}
