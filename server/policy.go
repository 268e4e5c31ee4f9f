package server

import (
	"net/http"
	"time"
)

// PolicyView is what the rules of the configuration say of a time.
type PolicyView struct {
	At      time.Time    `json:"at"`
	Freezes []FreezeView `json:"freezes"` // in the order of the configuration
}

// FreezeView is a rule that holds changes back at some times.
type FreezeView struct {
	Rule       string    `json:"rule"` // its name, and where it stands
	Reason     string    `json:"reason,omitempty"`
	Stands     bool      `json:"stands"`
	Until      time.Time `json:"until,omitzero"`      // when that changes; zero: never
	Services   []string  `json:"services,omitempty"`  // empty: everything
	Rollbacks  bool      `json:"rollbacks,omitempty"` // they may begin all the same
	Automation bool      `json:"automation,omitempty"`
}

func (s *Server) policy(r *http.Request, _ Caller) (int, any, error) {
	at := s.cfg.Now()
	if text := r.URL.Query().Get("at"); text != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return 0, nil, invalid("at is no time: write it as 2026-12-24T18:00:00+01:00")
		}
	}
	view, err := s.cfg.Policy(r.Context(), at)
	return http.StatusOK, view, err
}
