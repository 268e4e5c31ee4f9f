package slacktest

import (
	"net/http"
	"strconv"
	"time"
)

// Fault is what goes wrong with a call. Exactly one of its kinds is set.
type Fault struct {
	Error  string `json:"error"`  // {"ok":false,"error":...}
	Status int    `json:"status"` // a status of HTTP, with a page as its body
	// RetryAfter answers 429 with that header, in whole seconds.
	RetryAfter time.Duration `json:"retry_after"`
	// Hang never answers. It ends when the client gives up.
	Hang bool `json:"hang"`
	// Lost does what was asked, and cuts the connection before the answer.
	Lost  bool `json:"lost"`
	Times int  `json:"times"` // how many calls, 1 where 0; -1 until Heal
}

// Fail makes calls of a method go wrong: "chat.postMessage", "response_url",
// or "*" for all.
func (s *Server) Fail(method string, f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.change(func() { s.faults[method] = append(s.faults[method], f) })
}

// Heal ends all faults.
func (s *Server) Heal() { s.change(func() { clear(s.faults) }) }

// fault takes the next fault of a method. The lock is held.
func (s *Server) fault(kind, method string) *Fault {
	for _, name := range []string{method, "*"} {
		list := s.faults[name]
		if len(list) == 0 {
			continue
		}
		f := list[0]
		if list[0].Times--; list[0].Times == 0 {
			s.faults[name] = list[1:]
		}
		if !f.Lost { // what is lost is done, and said then
			s.notef(kind, method, "fault %s", encode(f))
			s.touch()
		}
		return &f
	}
	return nil
}

// strike does what a fault says instead of an answer. False: the call is to be
// answered.
func (s *Server) strike(w http.ResponseWriter, r *http.Request, f *Fault) bool {
	switch {
	case f == nil || f.Lost:
		return false
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-s.life.Done():
		}
	case f.RetryAfter > 0:
		tooMany(w, f.RetryAfter)
	case f.Status != 0:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte("<html><body>Something went wrong.</body></html>"))
	default:
		reply(w, result{"ok": false, "error": f.Error})
	}
	return true
}

func tooMany(w http.ResponseWriter, after time.Duration) {
	seconds := int64((after + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write(encode(result{"ok": false, "error": "ratelimited"}))
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}
