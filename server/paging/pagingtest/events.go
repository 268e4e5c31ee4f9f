// Package pagingtest has a stand-in for PagerDuty's Events API v2, which takes
// and refuses what that does.
package pagingtest

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sync"
)

const (
	maxBody    = 512 << 10
	maxDedup   = 255
	maxSummary = 1024
)

// Event is one that was sent.
type Event struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Client     string `json:"client"`
	ClientURL  string `json:"client_url"`
	Links      []struct {
		Href string `json:"href"`
		Text string `json:"text"`
	} `json:"links"`
	Payload *struct {
		Summary   string            `json:"summary"`
		Source    string            `json:"source"`
		Severity  string            `json:"severity"`
		Timestamp string            `json:"timestamp"`
		Details   map[string]string `json:"custom_details"`
	} `json:"payload"`
}

// Events is an [http.Handler] of POST /v2/enqueue.
type Events struct {
	mu    sync.Mutex
	taken []Event
	tried int
	fail  []int
	told  chan Event
}

// New returns one that takes everything that is right.
func New() *Events { return &Events{told: make(chan Event, 1000)} }

// Fail makes the next events be answered with these statuses; 0: with none, the
// connection is cut.
func (s *Events) Fail(statuses ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = append(s.fail, statuses...)
}

// Told receives every event that was taken.
func (s *Events) Told() <-chan Event { return s.told }

// Taken are the events that were taken, and how many were sent.
func (s *Events) Taken() (all []Event, tried int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken), s.tried
}

// Open are the incidents that were triggered and are not resolved, by their
// dedup keys, with their summaries.
func (s *Events) Open() map[string]string {
	all, _ := s.Taken()
	open := map[string]string{}
	for _, e := range all {
		if e.Action == "resolve" {
			delete(open, e.DedupKey)
		} else if open[e.DedupKey] == "" {
			open[e.DedupKey] = e.Payload.Summary
		}
	}
	return open
}

// ServeHTTP implements [http.Handler].
func (s *Events) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried++
	if len(s.fail) > 0 {
		status := s.fail[0]
		s.fail = s.fail[1:]
		if status == 0 {
			panic(http.ErrAbortHandler) //nolint:forbidigo // how a handler cuts a connection
		}
		answer(w, status, "error", "not now", "")
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v2/enqueue" {
		answer(w, http.StatusNotFound, "error", "Not Found", "")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, "error", "too large", "")
		return
	}
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		answer(w, http.StatusBadRequest, "invalid event", "Event object is invalid", "", "JSON parse error")
		return
	}
	if wrong := e.wrong(); len(wrong) > 0 {
		answer(w, http.StatusBadRequest, "invalid event", "Event object is invalid", "", wrong...)
		return
	}
	s.taken = append(s.taken, e)
	s.told <- e
	answer(w, http.StatusAccepted, "success", "Event processed", e.DedupKey)
}

var routingKey = regexp.MustCompile(`^[0-9A-Za-z]{32}$`)

// wrong is what makes an event invalid.
func (e *Event) wrong() (all []string) {
	check := func(ok bool, text string) {
		if !ok {
			all = append(all, text)
		}
	}
	check(routingKey.MatchString(e.RoutingKey), "Invalid routing key")
	check(slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action), "'event_action' is invalid")
	check(len(e.DedupKey) <= maxDedup, "'dedup_key' is too long")
	check(e.Action == "trigger" || e.DedupKey != "", "'dedup_key' is missing or blank")
	if e.Action != "trigger" {
		return all
	}
	if e.Payload == nil {
		return append(all, "'payload' is missing")
	}
	check(e.Payload.Summary != "", "'payload.summary' is missing or blank")
	check(len(e.Payload.Summary) <= maxSummary, "'payload.summary' is too long")
	check(e.Payload.Source != "", "'payload.source' is missing or blank")
	check(slices.Contains([]string{"critical", "error", "warning", "info"}, e.Payload.Severity), "'payload.severity' is invalid")
	for _, l := range e.Links {
		check(l.Href != "", "'links.href' is missing or blank")
	}
	return all
}

func answer(w http.ResponseWriter, status int, word, message, dedup string, errs ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body, err := json.Marshal(struct {
		Status   string   `json:"status"`
		Message  string   `json:"message"`
		DedupKey string   `json:"dedup_key,omitempty"`
		Errors   []string `json:"errors,omitempty"`
	}{word, message, dedup, errs})
	if err == nil {
		_, _ = w.Write(body) // who asked may have gone
	}
}
