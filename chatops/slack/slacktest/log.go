package slacktest

import (
	"fmt"
	"strings"
	"time"
)

// Entry is a line of what happened.
type Entry struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // api, response_url, socket, http, person
	Name string    `json:"name"` // of the method, the envelope, the request
	Text string    `json:"text"` // the error, or what it was about; no token
}

// note adds a line. The lock is held.
func (s *Server) notef(kind, name, format string, args ...any) {
	switch kind {
	case "api":
		s.calls[name]++
	case "response_url":
		s.calls[kind]++
	}
	s.log = append(s.log, Entry{At: s.clock.Now(), Kind: kind, Name: name, Text: fmt.Sprintf(format, args...)})
}

// Log is all that happened so far.
func (s *Server) Log() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Entry(nil), s.log...)
}

// Calls counts the calls of a Web API method, or of "response_url", also those
// that were refused.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

func (s *Server) tail(n int) string {
	all := s.Log()
	var b strings.Builder
	for _, e := range all[max(0, len(all)-n):] {
		fmt.Fprintf(&b, "%s %s %s %s\n", e.At.Format("15:04:05.000"), e.Kind, e.Name, e.Text)
	}
	return b.String()
}
