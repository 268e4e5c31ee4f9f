package pagingtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Incidents stands in for the notes of incidents in PagerDuty's REST API: an
// [http.Handler] of GET and POST /incidents/{id}/notes. It keeps what is said
// twice twice, as that does.
type Incidents struct {
	Token string // that it takes

	mu    sync.Mutex
	notes map[string][]string // by incident; those that there are
	fail  []int
	lose  bool
	told  chan string
}

// NewIncidents returns one with some incidents.
func NewIncidents(token string, ids ...string) *Incidents {
	s := &Incidents{Token: token, notes: map[string][]string{}, told: make(chan string, 1000)}
	for _, id := range ids {
		s.notes[id] = []string{}
	}
	return s
}

// Fail makes the next calls be answered with these statuses.
func (s *Incidents) Fail(statuses ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = append(s.fail, statuses...)
}

// Lose makes the answer to the next note be lost, once it is written.
func (s *Incidents) Lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = true
}

// Notes are those of an incident.
func (s *Incidents) Notes(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.notes[id]...)
}

// Told receives every note that is written, as "incident: text".
func (s *Incidents) Told() <-chan string { return s.told }

// ServeHTTP implements [http.Handler].
func (s *Incidents) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fail) > 0 {
		status := s.fail[0]
		s.fail = s.fail[1:]
		s.refuse(w, status, "not now", 2020)
		return
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.Header.Get("Authorization") != "Token token="+s.Token:
		s.refuse(w, http.StatusUnauthorized, "Unauthorized", 2006)
		return
	case !strings.HasPrefix(r.Header.Get("Accept"), "application/vnd.pagerduty+json;version=2"):
		s.refuse(w, http.StatusNotAcceptable, "Not Acceptable", 2012)
		return
	case len(path) != 3 || path[0] != "incidents" || path[2] != "notes" || s.notes[path[1]] == nil:
		s.refuse(w, http.StatusNotFound, "Incident Not Found", 5001)
		return
	}
	id := path[1]
	if r.Method == http.MethodGet {
		list := []map[string]any{}
		for i, text := range s.notes[id] {
			list = append(list, s.note(i, text))
		}
		s.say(w, http.StatusOK, map[string]any{"notes": list})
		return
	}
	var in struct {
		Note struct {
			Content string `json:"content"`
		} `json:"note"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch {
	case err != nil || json.Unmarshal(body, &in) != nil || in.Note.Content == "":
		s.refuse(w, http.StatusBadRequest, "Invalid Input Provided", 2001, "Content can't be blank")
		return
	case !strings.Contains(r.Header.Get("From"), "@"):
		s.refuse(w, http.StatusBadRequest, "Requester User Not Found", 1008)
		return
	}
	s.notes[id] = append(s.notes[id], in.Note.Content)
	s.told <- id + ": " + in.Note.Content
	if s.lose {
		s.lose = false
		panic(http.ErrAbortHandler) //nolint:forbidigo // how a handler cuts a connection
	}
	s.say(w, http.StatusCreated, map[string]any{"note": s.note(len(s.notes[id])-1, in.Note.Content)})
}

func (s *Incidents) note(n int, text string) map[string]any {
	return map[string]any{
		"id": fmt.Sprintf("PN%d", n), "content": text, "created_at": "2026-11-22T12:00:00Z",
		"user": map[string]any{"id": "PU1", "type": "user_reference", "summary": "firebreak"},
	}
}

func (s *Incidents) refuse(w http.ResponseWriter, status int, message string, code int, errs ...string) {
	s.say(w, status, map[string]any{"error": map[string]any{"message": message, "code": code, "errors": errs}})
}

func (s *Incidents) say(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return // who asked has gone
	}
}
