package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server"
)

// withOwner does something through the owner of the state. Where nobody is,
// what people say is recorded, and the next owner acts on it.
func (a *app) withOwner(ctx context.Context, do func(*session) error) (err error) {
	s, err := a.connect(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(s)
}

// said confirms what was recorded.
func (a *app) said(s *session, what, run, text string) error {
	waits := s.own != nil
	if a.flags.json {
		return a.printJSON(map[string]any{"type": "said", "what": what, "run": run, "driven": !waits})
	}
	a.printf("%s\n", text)
	if waits {
		a.printf("  it is recorded; nobody drives the run now: firebreak resume %s\n", run)
	}
	return nil
}

func newApprove(a *app) *cobra.Command {
	var step, glass string
	c := withExits(&cobra.Command{
		Use:   "approve RUN",
		Short: "Say yes to what a run asks",
		Long: `approve answers the open gate of a run with yes, and is bound to exactly what is
shown: should that change before it is acted on, the run asks again. Who asked
for the run may not approve it. --break-glass is for a lone on-call in an
emergency: a role must allow it, and it is told and recorded in red.`,
		Example: `  firebreak approve 1123-0301-k7qzm
  firebreak approve 1123-0301-k7qzm --step relieve --break-glass "alone, database down"`,
		Args: args(1, 1, "a run"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.vote(c.Context(), got[0], step, vote{approve: true, glass: glass})
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&step, "step", "", "which gate, when several are open")
	c.Flags().StringVar(&glass, "break-glass", "", "the `REASON` to answer in spite of the rules")
	return c
}

func newDeny(a *app) *cobra.Command {
	var step string
	var v vote
	c := withExits(&cobra.Command{
		Use:   "deny RUN",
		Short: "Say no to what a run asks",
		Long: `deny answers the open gate of a run with no. What is already changed and not
verified is undone, unless --keep says to leave it.`,
		Example: `  firebreak deny 1123-0301-k7qzm --reason "the migration needs the small pool"`,
		Args:    args(1, 1, "a run"),
		RunE:    func(c *cobra.Command, got []string) error { return a.vote(c.Context(), got[0], step, v) },
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&step, "step", "", "which gate, when several are open")
	c.Flags().StringVar(&v.reason, "reason", "", "why")
	c.Flags().BoolVar(&v.keep, "keep", false, "leave what is changed as it is")
	return c
}

type vote struct {
	approve bool
	keep    bool
	reason  string
	glass   string
}

func (a *app) vote(ctx context.Context, run, step string, v vote) error {
	return a.withOwner(ctx, func(s *session) error {
		view, err := s.Run(ctx, run)
		if err != nil {
			return err
		}
		q, err := pick(view, step, func(q engine.Question) bool { return q.Kind == engine.AskGate }, "gate")
		if err != nil {
			return err
		}
		err = s.Vote(ctx, run, server.VoteRequest{
			Question: q.ID, Digest: q.Digest, Approve: v.approve, Keep: v.keep, Reason: v.reason, BreakGlass: v.glass,
		})
		if err != nil {
			return err
		}
		what := "denied"
		if v.approve {
			what = "approved"
		}
		return a.said(s, what, run, fmt.Sprintf("%s: %s of run %s", what, q.Path, run))
	})
}

// pick finds the one open question that is meant.
func pick(view server.View, step string, fits func(engine.Question) bool, what string) (engine.Question, error) {
	var open []engine.Question
	for _, q := range view.Questions {
		if fits(q) && (step == "" || q.Path == step || strings.HasSuffix(q.Path, "/"+step)) {
			open = append(open, q)
		}
	}
	switch {
	case len(open) == 1:
		return open[0], nil
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

func newResolve(a *app) *cobra.Command {
	var reason string
	c := withExits(&cobra.Command{
		Use:   "resolve RUN STEP CHOICE",
		Short: "Answer what a run asks that is not a gate",
		Long: `resolve tells a run what only a person can know or decide:

  an effect in doubt                  happened | not | partial | unknown
  a verify without a verdict          again | accept | keep | undo
  an undo whose target was changed    force | keep
  an undo that a halt has stopped     resume | keep
  a gate that keeps being voided      again | abort`,
		Example: `  firebreak resolve 1123-0301-k7qzm restart happened --reason "all pods are new"`,
		Args:    args(3, 3, "a run, a step and a choice"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.resolve(c.Context(), got[0], got[1], got[2], reason)
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&reason, "reason", "", "what you saw")
	return c
}

func (a *app) resolve(ctx context.Context, run, step, choice, reason string) error {
	return a.withOwner(ctx, func(s *session) error {
		view, err := s.Run(ctx, run)
		if err != nil {
			return err
		}
		q, err := pick(view, step, func(q engine.Question) bool { return q.Kind != engine.AskGate }, "question about "+step)
		if err != nil {
			return err
		}
		if !slices.Contains(q.Choices, choice) {
			return fail(exitUsage, "the choices are "+strings.Join(q.Choices, ", "), "%q is not a choice here", choice)
		}
		if err := s.Answer(ctx, run, server.AnswerRequest{Question: q.ID, Choice: choice, Reason: reason}); err != nil {
			return err
		}
		return a.said(s, "resolved", run, fmt.Sprintf("%s of run %s: %s", q.Path, run, choice))
	})
}

func newCancel(a *app) *cobra.Command {
	var req server.CancelRequest
	c := withExits(&cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run before its next change",
		Long: `cancel begins nothing new: what is in flight ends at its next safe point and is
recorded, handlers under finally only read, and what stays changed is listed.
Nothing is undone unless --undo says so.`,
		Example: `  firebreak cancel 1123-0301-k7qzm --undo --reason "wrong service"`,
		Args:    args(1, 1, "a run"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.withOwner(c.Context(), func(s *session) error {
				if err := s.Cancel(c.Context(), got[0], req); err != nil {
					return err
				}
				return a.said(s, "cancelled", got[0], "cancelling run "+got[0])
			})
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&req.Reason, "reason", "", "why")
	c.Flags().BoolVar(&req.Undo, "undo", false, "also undo what is changed and not verified")
	return c
}

func newSkip(a *app) *cobra.Command {
	var reason string
	c := withExits(&cobra.Command{
		Use:   "skip RUN STEP",
		Short: "Pass over a step, or accept what it verifies",
		Long: `skip passes over a step, or a whole group before its first change. While a step
verifies it accepts the result in your name. While it is undone it leaves the
step changed. A gate is never skipped without the group behind it.`,
		Example: `  firebreak skip 1123-0301-k7qzm changes --reason "git is down"`,
		Args:    args(2, 2, "a run and a step"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.withOwner(c.Context(), func(s *session) error {
				if err := s.Skip(c.Context(), got[0], server.SkipRequest{Path: got[1], Reason: reason}); err != nil {
					return err
				}
				return a.said(s, "skipped", got[0], fmt.Sprintf("skipped: %s of run %s", got[1], got[0]))
			})
		},
	}, exitRefused, exitNotFound, exitState)
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func newUndo(a *app) *cobra.Command {
	var req server.UndoRequest
	c := withExits(&cobra.Command{
		Use:   "undo RUN",
		Short: "Undo everything that a run has changed",
		Long: `undo puts back what a run changed, verified or not, the latest change first. A
run that has not ended stops and undoes, also under a halt. One that has ended
is undone by a new run, with its own locks and its own gate.`,
		Example: `  firebreak undo 1123-0301-k7qzm --reason "the rollback was not the cure"`,
		Args:    args(1, 1, "a run"),
		RunE:    func(c *cobra.Command, got []string) error { return a.undo(c.Context(), got[0], req) },
	}, exitRefused, exitFailedClean, exitFailedDirty, exitCancelledClean, exitCancelledDirty, exitParked, exitNotFound, exitState)
	c.Flags().StringVar(&req.Reason, "reason", "", "why")
	return c
}

func (a *app) undo(ctx context.Context, run string, req server.UndoRequest) (err error) {
	s, err := a.connect(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	id, err := s.Undo(ctx, run, req)
	if err != nil {
		return err
	}
	return a.follow(ctx, s, id)
}

func newHalt(a *app) *cobra.Command {
	var lift, show bool
	c := withExits(&cobra.Command{
		Use:   "halt [REASON]",
		Short: "Stop every change of every run, until it is lifted",
		Long: `halt begins no new change in any run, undo too; what is in flight ends at its next
safe point. Reads, verifies and notices go on. Open questions are void and
answers that were not used no longer count. It survives restarts, covers every way
in, and is lifted with --lift; what it voided is then planned and asked again.`,
		Example: `  firebreak halt "we do not understand this outage"
  firebreak halt --lift`,
		Args: args(0, 1, "a reason"),
		RunE: func(c *cobra.Command, got []string) error {
			return a.withOwner(c.Context(), func(s *session) error {
				return a.halt(c.Context(), s, strings.Join(got, ""), lift, show)
			})
		},
	}, exitRefused, exitState)
	c.Flags().BoolVar(&lift, "lift", false, "end the halt")
	c.Flags().BoolVar(&show, "show", false, "only say whether everything is halted")
	return c
}

func (a *app) halt(ctx context.Context, s *session, reason string, lift, show bool) error {
	switch {
	case lift:
		if err := s.Lift(ctx); err != nil {
			return err
		}
	case !show:
		if err := s.Halt(ctx, server.HaltRequest{Reason: reason}); err != nil {
			return err
		}
	}
	now, err := s.Halted(ctx)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printJSON(map[string]any{"type": "halt", "halted": now.Halted})
	}
	if now.Halted == nil {
		a.printf("nothing is halted\n")
		return nil
	}
	a.printf("everything is halted by %s since %s: %s\n", now.Halted.By, now.Halted.At.Local().Format("15:04:05"), now.Halted.Reason)
	return nil
}
