package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/chatops/console"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
	"github.com/firebreak-ops/firebreak/server"
	"github.com/firebreak-ops/firebreak/server/client"
)

// follower shows a run until it has ended, takes answers from the terminal,
// and turns signals into what they mean: the first Ctrl-C cancels the run,
// the second leaves it waiting, and SIGTERM and SIGHUP leave it waiting at once.
type follower struct {
	app    *app
	s      *session
	run    string
	view   *console.View
	as     string // how commands name the run
	answer bool   // the person at the terminal may be asked
	cancel bool   // Ctrl-C cancels the run; otherwise it only stops watching

	interrupts int
	leaving    bool // this process ends, whatever becomes of the run
}

// errTerminated ends a command that SIGTERM or SIGHUP asked to end: well.
var errTerminated = ended{exitOK}

// beginAndFollow begins a run that goes on from one which the state knows, and
// follows it.
func (a *app) beginAndFollow(ctx context.Context, begin func(context.Context, *session) (string, error)) (err error) {
	if err := a.hasState(); err != nil {
		return err
	}
	s, err := a.connect(ctx, true, a.loadWorkspace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	id, err := begin(ctx, s)
	if err != nil {
		return err
	}
	return a.follow(ctx, s, id)
}

// follow shows a run that was started or resumed here, and returns what ends
// the command.
func (a *app) follow(ctx context.Context, s *session, run string) error {
	f := &follower{app: a, s: s, run: run, as: a.as(run), answer: a.tty && !a.flags.json, cancel: true}
	return f.follow(ctx)
}

func (f *follower) follow(ctx context.Context) error {
	a := f.app
	if err := f.open(ctx); err != nil {
		return err
	}
	defer f.view.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	signals := make(chan os.Signal, 4)
	signal.Notify(signals, append(endings(), os.Interrupt)...)
	defer signal.Stop(signals)
	lines := make(chan server.Line)
	done := make(chan error, 1)
	go func() {
		done <- f.s.Watch(ctx, f.run, 1, func(l server.Line) error {
			select {
			case lines <- l:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	typed := make(chan string)
	if f.answer {
		go readLines(ctx, a, typed)
	}
	ticks := time.NewTicker(120 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case l := <-lines:
			if err := f.show(l); err != nil {
				return err
			}
		case now := <-ticks.C:
			f.view.Tick(now)
		case text, open := <-typed:
			if !open {
				typed = nil
				f.inputEnded()
				continue
			}
			f.reply(ctx, text)
		case sig := <-signals:
			if err := f.signalled(ctx, sig); err != nil {
				return err
			}
		case err := <-done:
			if errors.Is(err, client.ErrCut) && f.s.own == nil {
				f.rest(ctx)
			}
			return f.ended(err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// open makes the view, which calls the steps by their names.
func (f *follower) open(ctx context.Context) error {
	a := f.app
	f.view = console.NewView(a.out, console.Options{Live: a.tty && !a.flags.json, Color: a.color, Width: a.width, As: f.as, Blocker: func() string { return f.blocker(ctx) }})
	run, err := f.s.Run(ctx, f.run)
	if err != nil {
		return err
	}
	f.view.Outline(outline(run.Steps))
	return nil
}

// blocker is the run that has the locks which this one waits for, or empty.
func (f *follower) blocker(ctx context.Context) string {
	v, err := f.s.Run(ctx, f.run)
	if err != nil {
		return ""
	}
	return v.Blocker
}

// outline says what the steps of a run are.
func outline(steps []server.StepView) chatops.Outline {
	o := chatops.Outline{}
	for _, s := range steps {
		o[s.Path] = chatops.NewEntry(s.ID, s.Uses, s.Kind)
	}
	for _, s := range steps {
		if s.Kind == runbook.KindForeach {
			o.Number(s.Path)
		}
	}
	return o
}

// readLines sends what is typed, a line at a time. It ends with the process:
// a read from a terminal cannot be called back. Where the input ends it closes
// to.
func readLines(ctx context.Context, a *app, to chan<- string) {
	defer close(to)
	in := bufio.NewScanner(a.in)
	for in.Scan() {
		select {
		case to <- strings.TrimSpace(in.Text()):
		case <-ctx.Done():
			return
		}
	}
}

// inputEnded says that nothing that is typed here is read any more.
func (f *follower) inputEnded() { f.say("the input has ended: answer from another terminal") }

func (f *follower) show(l server.Line) error {
	if p := l.Progress; p != nil {
		if f.app.flags.json {
			return f.app.printJSON(struct {
				Type string `json:"type"`
				server.Progress
			}{p.Kind, *p})
		}
		f.view.Said(pathOf(p.Command), p.Text, time.Now())
		return nil
	}
	event, err := engine.UnmarshalEvent(l.Kind, l.Data)
	if err != nil {
		return fmt.Errorf("the owner sent an event that cannot be read: %w", err)
	}
	rec := engine.Record{Seq: l.Seq, At: l.At, Event: event}
	if f.app.flags.json {
		line := recordLine(rec)
		line["run"] = f.run
		f.apply(rec)
		return f.app.printJSON(line)
	}
	f.view.Show(rec)
	if q, ok := event.(engine.QuestionOpened); ok && f.answer {
		f.view.Say("or type here: "+typeable(q.Question)+", then Enter", time.Now())
	}
	return nil
}

// apply keeps the run's state when nothing is drawn.
func (f *follower) apply(rec engine.Record) { *f.view.Run() = engine.Apply(*f.view.Run(), rec) }

// reply takes what the person at the terminal typed for the oldest open
// question.
func (f *follower) reply(ctx context.Context, text string) {
	f.view.Typed()
	open := f.view.Run().OpenQuestions()
	if text == "" || len(open) == 0 {
		return
	}
	word, reason, _ := strings.Cut(text, " ")
	meant := choice(word, open[0])
	switch {
	case open[0].Kind == engine.AskValue:
		meant, reason = text, ""
	case !slices.Contains(open[0].Choices, meant):
		f.view.Say(fmt.Sprintf("%q is not an answer; type one of %s", word, strings.Join(open[0].Choices, ", ")), time.Now())
		return
	}
	if err := answer(ctx, f.s.Client, f.run, open[0], meant, reason, ""); err != nil {
		_, text, hint := explain(err)
		f.view.Say(strings.TrimSuffix(text+"; "+hint, "; "), time.Now())
	}
}

// typeable is what may be typed as the answer to a question.
func typeable(q engine.Question) string {
	if q.Kind == engine.AskValue {
		return "the " + q.Value
	}
	return strings.Join(q.Choices, " | ")
}

// choice completes what was typed to one of a question's choices, if it is
// the beginning of only one. Yes and no are answers to a gate alone: of what
// became of a change, no might mean two things.
func choice(word string, q engine.Question) string {
	if q.Kind == engine.AskGate {
		switch word {
		case "y", "yes":
			return engine.ChoiceApprove
		case "n", "no":
			return engine.ChoiceDeny
		}
	}
	meant := word
	for _, c := range q.Choices {
		switch {
		case c == word:
			return c
		case strings.HasPrefix(c, word) && meant != word:
			return word
		case strings.HasPrefix(c, word):
			meant = c
		}
	}
	return meant
}

// answer gives an answer of the person behind this connection.
func answer(ctx context.Context, c *client.Client, run string, q engine.Question, choice, reason, glass string) error {
	switch q.Kind {
	case engine.AskGate:
	case engine.AskValue:
		return c.Say(ctx, run, server.ProvideRequest{Question: q.ID, Value: typed(q.Value, choice), Reason: reason})
	default:
		return c.Say(ctx, run, server.AnswerRequest{Question: q.ID, Choice: choice, Reason: reason})
	}
	return c.Say(ctx, run, server.VoteRequest{
		Question: q.ID, Digest: q.Digest, Approve: choice == engine.ChoiceApprove, Reason: reason, BreakGlass: glass,
	})
}

func (f *follower) signalled(ctx context.Context, sig os.Signal) error {
	if !f.cancel {
		return ended{exitOK}
	}
	f.interrupts++
	if sig != os.Interrupt {
		f.parked()
		return errTerminated
	}
	if f.interrupts > 1 {
		return f.leave()
	}
	f.say("cancelling: nothing new begins; what is in flight ends. Ctrl-C again leaves the run as it is.")
	if err := f.s.Say(ctx, f.run, server.CancelRequest{Reason: "Ctrl-C"}); err != nil {
		_, text, _ := explain(err)
		f.say("firebreak: " + text)
	}
	return nil
}

// leave ends this process's part in the run. As its owner it lets a change in
// flight come to its end first, and shows what becomes of the run.
func (f *follower) leave() error {
	if f.s.own == nil {
		f.parked()
		return ended{exitParked}
	}
	if !f.leaving {
		f.leaving = true
		go func() { _ = f.s.own.Close() }() // the stream ends with it; who made the session hears of errors
	}
	return nil
}

// say tells the person at the terminal something that is not of the run.
func (f *follower) say(text string) {
	if f.app.tty && !f.app.flags.json {
		f.view.Say(text, time.Now())
		return
	}
	fmt.Fprintln(f.app.err, text)
}

// parked says how a run goes on that has not ended.
func (f *follower) parked() {
	f.view.Close()
	if f.s.own != nil {
		fmt.Fprintf(f.app.err, "run %s has not ended and waits; it goes on with\n  firebreak resume %s\n", f.run, f.as)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if h, err := f.s.Health(ctx); err == nil && h.Drives {
		fmt.Fprintf(f.app.err, "run %s has not ended; another process drives it and goes on: follow it with\n  firebreak runs watch %s\n", f.run, f.as)
		return
	}
	again := "resume"
	if f.app.remoteURL() != "" {
		again = "runs watch"
	}
	fmt.Fprintf(f.app.err, "run %s has not ended, and the process that drove it has gone; once it is back, or to go on yourself\n  firebreak %s %s\n", f.run, again, f.as)
}

// rest shows what is left of a run that had ended when its owner went away: the
// stream may have been cut before it told so.
func (f *follower) rest(ctx context.Context) {
	_ = f.app.withOwner(ctx, func(s *session) error {
		if run, err := s.Run(ctx, f.run); err != nil || run.Word == "" {
			return err
		}
		return s.Watch(ctx, f.run, f.view.Run().Seq+1, f.show)
	}) // without it the run is shown as far as it was seen
}

// ended turns the end of the stream into the command's.
func (f *follower) ended(err error) error {
	run := f.view.Run()
	if o := f.s.own; o != nil && o.rt.Err() != nil {
		f.parked()
		return o.rt.Err()
	}
	switch {
	case errors.Is(err, client.ErrCut) && !run.Ended():
		f.parked()
		return ended{exitParked}
	case err != nil && !run.Ended():
		return err
	}
	if f.app.flags.json {
		e := map[string]any{
			"type": "run_finished", "run": f.run, "word": run.Word, "code": int(wordCode(run.Word)),
			"seconds": run.EndedAt.Sub(run.StartedAt).Seconds(), "people_seconds": run.AskedFor.Seconds(),
		}
		if err := f.app.printJSON(e); err != nil {
			return err
		}
	}
	if code := wordCode(run.Word); code != exitOK {
		return ended{code}
	}
	return nil
}

// pathOf is the step's path in a command's id: run/path#attempt/phase.
func pathOf(command string) string {
	_, rest, _ := strings.Cut(command, "/")
	path, _, _ := strings.Cut(rest, "#")
	return path
}

// recordLine is a record as a line of JSON.
func recordLine(rec engine.Record) map[string]any {
	kind, data, err := engine.MarshalEvent(rec.Event)
	if err != nil {
		data = []byte("null")
	}
	return map[string]any{"type": "event", "seq": rec.Seq, "at": rec.At, "kind": kind, "data": json.RawMessage(data)}
}
