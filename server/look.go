package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/policy"
)

// Asked is a question that a run asks people.
type Asked struct {
	Run       string           `json:"run"`
	Runbook   string           `json:"runbook"`
	Service   string           `json:"service,omitempty"`
	Requester engine.Requester `json:"requester"`
	Question  engine.Question  `json:"question"`
}

// RunbookView is a runbook that the owner knows by name.
type RunbookView struct {
	Name     string         `json:"name"`
	Title    string         `json:"title"`
	Owner    string         `json:"owner"`
	File     string         `json:"file"` // as it was found; of one that is built in, NAME.yaml
	Digest   string         `json:"digest"`
	Changes  bool           `json:"changes"` // it may change something
	Triggers []string       `json:"triggers,omitempty"`
	Inputs   []RunbookInput `json:"inputs"`
	Source   string         `json:"source,omitempty"` // its text, where one is shown

	Origins []policy.Origin `json:"origins,omitempty"` // where it, and what it calls, are from; of a daemon
}

// RunbookInput is what a runbook is given.
type RunbookInput struct {
	Name     string          `json:"name"`
	Type     string          `json:"type"` // in words
	Text     bool            `json:"text"` // any text may be given, and need not be JSON
	Doc      string          `json:"doc,omitempty"`
	Required bool            `json:"required"`
	Default  json.RawMessage `json:"default,omitempty"`
}

// ServiceView is a service of the configuration.
type ServiceView struct {
	Name         string        `json:"name"`
	Environment  string        `json:"environment"`
	Owner        string        `json:"owner"`
	Capabilities []Served      `json:"capabilities"`
	Stops        []engine.Stop `json:"stops"` // that stop runs of it
}

// Served is which plugin serves a capability.
type Served struct {
	Capability string `json:"capability"`
	Plugin     string `json:"plugin"`
}

// AlertView is an alert that a source has sent, and what became of it.
type AlertView struct {
	N           int64             `json:"n"` // its number
	Source      string            `json:"source"`
	Identity    string            `json:"identity"`
	Name        string            `json:"name"`
	State       string            `json:"state"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	URL         string            `json:"url"`
	StartsAt    time.Time         `json:"starts_at,omitzero"`
	ReceivedAt  time.Time         `json:"received_at"`
	LastAt      time.Time         `json:"last_at"`
	Times       int               `json:"times"`
	ResolvedAt  time.Time         `json:"resolved_at,omitzero"`
	DecidedAt   time.Time         `json:"decided_at,omitzero"`
	Outcome     string            `json:"outcome"`
	Run         string            `json:"run"`
	Text        string            `json:"text"`
}

// AuditView is what stands for everything that is recorded, and what people
// have done that is no run's business.
type AuditView struct {
	Head         string `json:"head"`
	Transactions int64  `json:"transactions"`
	Acts         []Act  `json:"acts"`
}

// Act is something that a person has done that is no run's business.
type Act struct {
	N    int64     `json:"n"`
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// approvals looks at the runs that ask people something; a page is of so many
// runs, whatever each asks.
func (s *Server) approvals(r *http.Request, _ Caller) (int, any, error) {
	limit, err := limitOf(r)
	if err != nil {
		return 0, nil, err
	}
	limit = min(limit, mostRead)
	open, err := s.cfg.List(r.Context(), Query{Asking: true, Limit: limit + 1, After: r.URL.Query().Get("after")})
	if err != nil {
		return 0, nil, err
	}
	open, more := cut(open, limit)
	all := []Asked{}
	for _, sum := range open {
		run, err := s.cfg.Runs.Run(r.Context(), sum.ID)
		if err != nil {
			return 0, nil, err
		}
		for _, q := range run.OpenQuestions() {
			all = append(all, Asked{Run: sum.ID, Runbook: sum.Runbook, Service: sum.Service, Requester: sum.Requester, Question: q})
		}
	}
	return http.StatusOK, more.with(all, func() string { return open[limit-1].ID }), nil
}

func (s *Server) runbooks(r *http.Request, _ Caller) (int, any, error) {
	all, err := s.cfg.Runbooks(r.Context())
	return http.StatusOK, append([]RunbookView{}, all...), err
}

func (s *Server) runbook(r *http.Request, _ Caller) (int, any, error) {
	view, err := s.cfg.Runbook(r.Context(), r.PathValue("name"))
	return http.StatusOK, view, err
}

func (s *Server) services(*http.Request, Caller) (int, any, error) {
	all := append([]ServiceView{}, s.cfg.Services()...)
	for i := range all {
		all[i].Stops = []engine.Stop{}
		for _, stop := range s.cfg.Stops.Standing() {
			if stop.Service == "" || stop.Service == all[i].Name {
				all[i].Stops = append(all[i].Stops, stop)
			}
		}
	}
	return http.StatusOK, all, nil
}

func (s *Server) alerts(r *http.Request, _ Caller) (int, any, error) {
	limit, after, err := pageOf(r)
	if err != nil {
		return 0, nil, err
	}
	all, err := s.cfg.Alerts(r.Context(), limit+1, after)
	all, more := cut(all, limit)
	return http.StatusOK, more.with(append([]AlertView{}, all...), func() string { return strconv.FormatInt(all[limit-1].N, 10) }), err
}
