package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

// withOwner does something with the runs of the state, through its owner. Where
// nobody is, what people say is recorded, and the next owner acts on it.
func (a *app) withOwner(ctx context.Context, do func(*session) error) error {
	return a.withRuns(ctx, a.loadWorkspace, do)
}

// errNoState says that there is no state file, and so that nothing has run.
var errNoState = errors.New("nothing has run here")

// tellNoState says that a listing is empty because there is no state: another one
// may have been meant.
func (a *app) tellNoState(err error) {
	if errors.Is(err, errNoState) && !a.flags.json {
		fmt.Fprintf(a.err, "firebreak: %s\n", err)
	}
}

func (a *app) withRuns(ctx context.Context, load loader, do func(*session) error) error {
	if err := a.hasState(); err != nil {
		return err
	}
	return a.asOwner(ctx, load, do)
}

// hasState is [errNoState] where there is no state file: who only wants to do
// something about a run makes none.
func (a *app) hasState() error {
	if a.remoteURL() != "" {
		return nil
	}
	state, err := a.statePath()
	if err != nil {
		return err
	}
	switch info, err := os.Stat(state); {
	case err == nil && info.Mode().IsRegular() && info.Size() == 0:
		return fail(exitNotFound, "name another state with --state, or begin with `firebreak run`", "%w: the file %s is empty", errNoState, state)
	case errors.Is(err, fs.ErrNotExist):
		return fail(exitNotFound, "name another state with --state, or begin with `firebreak run`", "%w: there is no state file %s", errNoState, state)
	}
	return nil
}

// asOwner does something through the owner of a state, which is made where
// there is none.
func (a *app) asOwner(ctx context.Context, load loader, do func(*session) error) (err error) {
	s, err := a.connect(ctx, false, load)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(s)
}

// tell tells a run what a person says, and confirms it.
func (a *app) tell(ctx context.Context, run string, say server.Say, what, text string) error {
	return a.withOwner(ctx, func(s *session) error {
		if err := s.Say(ctx, run, say); err != nil {
			return err
		}
		return a.said(s, what, run, text, nil)
	})
}

// atGate does something about the open gate of a run.
func (a *app) atGate(ctx context.Context, run, step, plan string, do func(*session, server.View, engine.Question) error) error {
	return a.withOwner(ctx, func(s *session) error {
		view, err := s.Run(ctx, run)
		if err != nil {
			return err
		}
		q, err := gateOf(view, step, plan)
		if err != nil {
			return err
		}
		return do(s, view, q)
	})
}

// gateOf finds the one open gate that is meant, which is about the plan, if one
// is named.
func gateOf(view server.View, step, plan string) (engine.Question, error) {
	gate := func(q engine.Question) bool { return q.Kind == engine.AskGate }
	if plan == "" {
		return pick(view, step, gate, "gate")
	}
	q, err := pick(view, step, func(q engine.Question) bool { return gate(q) && q.OtherPlan(plan) == "" }, "gate")
	if err == nil {
		return q, nil
	}
	if q, err = pick(view, step, gate, "gate"); err != nil {
		return q, err
	}
	return q, fail(exitRefused, "look at what would be done now: `firebreak runs show "+view.ID+"` has it, and the line that approves it", "%s", q.OtherPlan(plan))
}

// said confirms what was recorded; more are further fields of the JSON.
func (a *app) said(s *session, what, run, text string, more map[string]any) error {
	waits := s.own != nil
	if a.flags.json {
		line := map[string]any{"type": "said", "what": what, "run": run, "driven": !waits}
		maps.Copy(line, more)
		return a.printJSON(line)
	}
	a.printf("%s\n", text)
	if waits {
		a.printf("  it is recorded; nobody drives the run now: firebreak resume %s\n", run)
	}
	return nil
}

// pick finds the one open question that is meant.
func pick(view server.View, step string, fits func(engine.Question) bool, what string) (engine.Question, error) {
	var open []engine.Question
	for _, q := range view.Questions {
		if fits(q) && (step == "" || q.Path == step || strings.HasSuffix(q.Path, "/"+step)) {
			open = append(open, q)
		}
	}
	due := slices.DeleteFunc(slices.Clone(open), func(q engine.Question) bool { return q.Early })
	switch {
	case len(open) == 1:
		return open[0], nil
	case len(due) == 1: // what is asked early is answered by name, as it is shown
		return due[0], nil
	case len(open) > 1:
		paths := make([]string, len(open))
		for i, q := range open {
			paths[i] = q.Path
		}
		return engine.Question{}, fail(exitUsage, "name one with --step: "+strings.Join(paths, ", "), "run %s asks several things", view.ID)
	}
	hint := "it has ended: " + string(view.Word)
	if view.Word == "" {
		hint = "it is " + string(view.Phase) + "; `firebreak runs show " + view.ID + "` says what it waits for"
	}
	return engine.Question{}, fail(exitNotFound, hint, "run %s has no open %s", view.ID, what)
}
