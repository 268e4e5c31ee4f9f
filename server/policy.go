package server

import (
	"net/http"
	"time"
)

// PolicyView is what the rules of the configuration say of a time.
type PolicyView struct {
	At      time.Time    `json:"at"`
	Freezes []FreezeView `json:"freezes"` // in the order of the configuration

	Automation *AutomationView `json:"automation,omitempty"` // of now alone, and where it is bounded
}

// AutomationView is what runs that no person has started may do now.
type AutomationView struct {
	Held     []HeldView    `json:"held"`                // the last to begin first
	Budget   *BudgetView   `json:"budget,omitempty"`    // nil: there is none
	ReadOnly *ReadOnlyView `json:"read_only,omitempty"` // nil: there is no such rule
	Shadows  []ShadowView  `json:"shadows"`             // of the last 30 days
}

// HeldView is a runbook that may not change a service now.
type HeldView struct {
	Runbook string    `json:"runbook"`
	Service string    `json:"service"`
	Kind    string    `json:"kind"` // breaker or rate
	Rule    string    `json:"rule"`
	Until   time.Time `json:"until"`
}

// BudgetView is how many changes may yet begin.
type BudgetView struct {
	Rule       string  `json:"rule"`
	Changes    int     `json:"changes"`
	PerSeconds float64 `json:"per_seconds"`
	Left       int     `json:"left"`
}

// ReadOnlyView is whether so many services alert that nothing is changed.
type ReadOnlyView struct {
	Rule     string `json:"rule"`
	Services int    `json:"services"` // more than these
	Alerting int    `json:"alerting"`
	Stands   bool   `json:"stands"`
}

// ShadowView is how often runs in shadow would have changed something, and how
// often people then did the same.
type ShadowView struct {
	Runbook string `json:"runbook"`
	Service string `json:"service"`
	Would   int    `json:"would"`
	Same    int    `json:"same"`
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
	var at time.Time
	if text := r.URL.Query().Get("at"); text != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return 0, nil, invalid("at is no time: write it as 2026-12-24T18:00:00+01:00")
		}
	}
	view, err := s.cfg.Policy(r.Context(), at)
	return http.StatusOK, view, err
}
