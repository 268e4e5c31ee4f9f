package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/firebreak-ops/firebreak/engine"
)

func (s *Server) start(r *http.Request, by Caller) (int, any, error) {
	req, err := read[StartRequest](r)
	if err != nil {
		return 0, nil, err
	}
	if req.Runbook == "" {
		return 0, nil, invalid("the runbook is missing")
	}
	if req.Source != "" && by.Token != "" {
		return 0, nil, &Problem{
			Text: "a runbook's text is not taken over the network", Class: classRefused,
			Hint: "name a runbook that the owner knows: `firebreak runbooks list`",
		}
	}
	id, err := s.cfg.Start(r.Context(), by, req)
	return http.StatusCreated, Started{Run: id}, err
}

func (s *Server) list(r *http.Request, _ Caller) (int, any, error) {
	values := r.URL.Query()
	limit, err := limitOf(r)
	if err != nil {
		return 0, nil, err
	}
	runs, err := s.cfg.List(r.Context(), Query{
		Unsettled: values.Get("unsettled") == "true", Service: values.Get("service"), Limit: limit + 1, After: values.Get("after"),
	})
	runs, more := cut(runs, limit)
	return http.StatusOK, more.with(append([]engine.Head{}, runs...), func() string { return runs[limit-1].ID }), err
}

func (s *Server) show(r *http.Request, _ Caller) (int, any, error) {
	run, err := s.cfg.Runs.Run(r.Context(), r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	v := s.view(run)
	if err := s.undone(r.Context(), &v); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, v, nil
}

// undone tells of a run that has ended by which one it is undone.
func (s *Server) undone(ctx context.Context, v *View) error {
	if v.Word == "" || len(v.Ledger) == 0 || v.UndoOf != "" {
		return nil
	}
	undo, err := s.cfg.UndoOf(ctx, v.ID)
	if err != nil || undo == nil {
		return err
	}
	v.UndoneBy = undo.Facts.ID
	for i, row := range v.Ledger {
		if undo.Undid(row.Path, row.Attempt) != nil {
			v.Ledger[i].UndoneBy = undo.Facts.ID
		}
	}
	return nil
}

// give passes on what a person says to the run that a request names.
func (s *Server) give(r *http.Request, in engine.Input) (int, any, error) {
	id := r.PathValue("id")
	if err := s.cfg.Runs.Give(r.Context(), id, in); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, Started{Run: id}, nil
}

// undo undoes a run; one that has ended by a new run.
func (s *Server) undo(r *http.Request, by Caller) (int, any, error) {
	req, err := read[UndoRequest](r)
	if err != nil {
		return 0, nil, err
	}
	run, err := s.cfg.Runs.Run(r.Context(), r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	if !run.Ended() {
		return s.give(r, engine.UndoRun{By: by.Person, Reason: req.Reason})
	}
	id, err := s.cfg.Undo(r.Context(), by, run, req.Reason)
	return http.StatusCreated, Started{Run: id}, err
}

// retry goes on with a run that has ended, by a new one.
func (s *Server) retry(r *http.Request, by Caller) (int, any, error) {
	req, err := read[RetryRequest](r)
	if err != nil {
		return 0, nil, err
	}
	run, err := s.cfg.Runs.Run(r.Context(), r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	id, err := s.cfg.Retry(r.Context(), by, run, req.From)
	return http.StatusCreated, Started{Run: id}, err
}

func (s *Server) stops(*http.Request, Caller) (int, any, error) {
	return http.StatusOK, StopsView{Stops: append([]engine.Stop{}, s.cfg.Stops.Standing()...)}, nil
}

func (s *Server) stop(r *http.Request, by Caller) (int, any, error) { return s.order(r, by, true) }
func (s *Server) lift(r *http.Request, by Caller) (int, any, error) { return s.order(r, by, false) }

func (s *Server) order(r *http.Request, by Caller, on bool) (int, any, error) {
	req, err := read[StopRequest](r)
	if err != nil {
		return 0, nil, err
	}
	if err := s.cfg.Stops.Order(r.Context(), by.Person, req, on); err != nil {
		return 0, nil, err
	}
	return s.stops(r, by)
}

// view shows a run, and names the one that it waits for.
func (s *Server) view(run engine.Run) View {
	v := NewView(run, s.cfg.Now())
	if run.Locks.State != engine.LocksRequested || s.cfg.Blocker == nil {
		return v
	}
	v.Blocker = s.cfg.Blocker(run)
	for i, w := range v.Waits {
		if w.On == "lock" && v.Blocker != "" {
			v.Waits[i].Text = "run " + v.Blocker + " has " + strings.Join(run.Locks.Identities, ", ")
		}
	}
	return v
}
