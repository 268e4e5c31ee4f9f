package slacktest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// order is what a program that drives the tests from outside posts to
// /_control/VERB.
type order struct {
	Command
	Click  *Click            `json:"click"`
	Values map[string]string `json:"values"`
	ID     string            `json:"callback_id"`
	TS     string            `json:"ts"`
	Name   string            `json:"name"`
	Method string            `json:"method"`
	Fault  Fault             `json:"fault"`
	Reason string            `json:"reason"`
	URL    string            `json:"url"`
	Millis int64             `json:"ms"`
	Wait   bool              `json:"wait"` // until the app has answered
}

var verbs = map[string]func(context.Context, *Server, order) (any, error){
	"command": func(ctx context.Context, s *Server, o order) (any, error) {
		d, err := s.Command(o.Command)
		return outcome(ctx, o, d, err)
	},
	"click": func(ctx context.Context, s *Server, o order) (any, error) {
		if o.Click == nil {
			o.Click = &Click{}
		}
		d, err := s.Click(*o.Click)
		return outcome(ctx, o, d, err)
	},
	"submit": func(ctx context.Context, s *Server, o order) (any, error) {
		d, err := s.Submit(Submit{User: o.User, Values: o.Values})
		return outcome(ctx, o, d, err)
	},
	"dismiss": func(ctx context.Context, s *Server, o order) (any, error) {
		d, err := s.Dismiss(o.User)
		return outcome(ctx, o, d, err)
	},
	"say": func(ctx context.Context, s *Server, o order) (any, error) {
		_, d, err := s.Say(Say{User: o.User, Channel: o.Channel, Text: o.Text, Thread: o.Thread})
		return outcome(ctx, o, d, err)
	},
	"shortcut": func(ctx context.Context, s *Server, o order) (any, error) {
		d, err := s.Shortcut(Shortcut{User: o.User, Channel: o.Channel, ID: o.ID, TS: o.TS})
		return outcome(ctx, o, d, err)
	},
	"react": func(ctx context.Context, s *Server, o order) (any, error) {
		d, err := s.React(o.User, o.Channel, o.TS, o.Name)
		return outcome(ctx, o, d, err)
	},
	"home": func(ctx context.Context, s *Server, o order) (any, error) {
		return outcome(ctx, o, s.OpenHome(o.User), nil)
	},
	"messages": func(_ context.Context, s *Server, o order) (any, error) { return s.Messages(o.Channel), nil },
	"render": func(_ context.Context, s *Server, o order) (any, error) {
		all := []string{}
		for _, m := range s.Messages(o.Channel) {
			all = append(all, m.Render())
		}
		return all, nil
	},
	"ephemerals": func(_ context.Context, s *Server, o order) (any, error) {
		return s.Ephemerals(o.Channel, o.User), nil
	},
	"view": func(_ context.Context, s *Server, o order) (any, error) {
		if v, there := s.View(o.User); there {
			return v, nil
		}
		return nil, nil
	},
	"log": func(_ context.Context, s *Server, _ order) (any, error) { return s.Log(), nil },
	"advance-clock": func(_ context.Context, s *Server, o order) (any, error) {
		s.AdvanceClock(time.Duration(o.Millis) * time.Millisecond)
		return nil, nil
	},
	"fail": func(_ context.Context, s *Server, o order) (any, error) {
		s.Fail(o.Method, o.Fault)
		return nil, nil
	},
	"heal":        func(_ context.Context, s *Server, _ order) (any, error) { s.Heal(); return nil, nil },
	"duplicate":   func(_ context.Context, s *Server, _ order) (any, error) { s.DuplicateNext(); return nil, nil },
	"drop-socket": func(_ context.Context, s *Server, _ order) (any, error) { return s.DropSocket(), nil },
	"half-open":   func(_ context.Context, s *Server, _ order) (any, error) { return s.HalfOpen(), nil },
	"sockets":     func(_ context.Context, s *Server, _ order) (any, error) { return s.Sockets(), nil },
	"disconnect": func(_ context.Context, s *Server, o order) (any, error) {
		s.Disconnect(o.Reason)
		return nil, nil
	},
	"use-http":  func(ctx context.Context, s *Server, o order) (any, error) { return nil, s.UseHTTP(ctx, o.URL) },
	"ssl-check": func(ctx context.Context, s *Server, _ order) (any, error) { return s.SSLCheck(ctx) },
	"replay":    func(ctx context.Context, s *Server, _ order) (any, error) { return s.Replay(ctx) },
}

func outcome(ctx context.Context, o order, d *Delivery, err error) (any, error) {
	if err != nil || d == nil || !o.Wait {
		return nil, err
	}
	return d.Wait(ctx)
}

// control does what is posted, and answers {"result":...} or {"error":...}.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	answer := result{}
	do := verbs[r.PathValue("verb")]
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	var o order
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &o)
	}
	switch {
	case do == nil:
		w.WriteHeader(http.StatusNotFound)
		answer["error"] = "there is no " + r.PathValue("verb")
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
		answer["error"] = err.Error()
	default:
		res, err := do(r.Context(), s, o)
		if err != nil {
			w.WriteHeader(http.StatusConflict)
			answer["error"] = err.Error()
		} else {
			answer["result"] = res
		}
	}
	_, _ = w.Write(encode(answer))
}
