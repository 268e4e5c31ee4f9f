package server

import (
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The limits of those who come over the network. One who keeps to them never
// meets them.
const (
	requestRate   = 20 // a second, of one token
	requestBurst  = 100
	strikeRate    = 1 // a second, of wrong secrets for one thing from one place
	strikeBurst   = 20
	streamsOfOne  = 8 // at once, of one token
	streamsOfAll  = 128
	rememberedFor = 10_000 // of whom limits are remembered at most
)

// limits are rates, each of somebody's.
type limits struct {
	rate  rate.Limit
	burst int

	mu  sync.Mutex
	who map[string]*rate.Limiter
}

func newLimits(r rate.Limit, burst int) *limits {
	return &limits{rate: r, burst: burst, who: map[string]*rate.Limiter{}}
}

// of returns somebody's rate. Where too many are remembered, those who have not
// come lately are forgotten, and if that is not enough, all.
func (l *limits) of(who string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.who[who]; found != nil {
		return found
	}
	if len(l.who) >= rememberedFor {
		for name, r := range l.who {
			if r.TokensAt(now) >= float64(l.burst) {
				delete(l.who, name)
			}
		}
		if len(l.who) >= rememberedFor {
			clear(l.who)
		}
	}
	r := rate.NewLimiter(l.rate, l.burst)
	l.who[who] = r
	return r
}

// take refuses somebody who comes too often.
func (l *limits) take(who string, now time.Time) error {
	if l.of(who, now).AllowN(now, 1) {
		return nil
	}
	return &Problem{Text: "too many requests", Hint: "ask again in a second", Class: classTooOften}
}

// strikes counts wrong secrets: one that was wrong too often is not looked at
// for a while, right or not, so that nobody can try them out. It is counted by
// where they come from and what they are for, so that nobody else is kept out.
type strikes struct{ *limits }

// check refuses who was wrong too often.
func (s strikes) check(who string, now time.Time) error {
	s.mu.Lock()
	found := s.who[who]
	s.mu.Unlock()
	if found == nil || found.TokensAt(now) >= 1 {
		return nil
	}
	return &Problem{Text: "too many wrong secrets from here", Hint: "correct it, and try again in a few seconds", Class: classTooOften}
}

// note counts a wrong secret.
func (s strikes) note(who string, now time.Time) { s.of(who, now).AllowN(now, 1) }

// streams counts who follows something.
type streams struct {
	mu  sync.Mutex
	of  map[string]int
	all int
}

// open counts a stream in. Who comes through the socket is not counted.
func (s *streams) open(by Caller) (done func(), err error) {
	if by.Token == "" {
		return func() {}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= streamsOfAll || s.of[by.Token] >= streamsOfOne {
		return nil, &Problem{Text: "too many streams at once", Hint: "end one of them", Class: classTooOften}
	}
	s.all++
	s.of[by.Token]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.of[by.Token]--; s.of[by.Token] == 0 {
			delete(s.of, by.Token)
		}
	}, nil
}

// hostOf is where a request comes from.
func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// struck makes a handler that proves by itself who asks refuse those who were
// wrong too often.
func (s *Server) struck(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := hostOf(r) + " source " + r.PathValue("source")
		if err := s.strikes.check(who, s.cfg.Now()); err != nil {
			p := problem(err)
			reply(w, http.StatusServiceUnavailable, p) // a status with which all senders come again
			return
		}
		seen := &statusWriter{ResponseWriter: w}
		h.ServeHTTP(seen, r)
		if seen.status == http.StatusUnauthorized {
			s.strikes.note(who, s.cfg.Now())
		}
	})
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter

	status int
}

// Write implements [http.ResponseWriter].
func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap returns what is written to, for an [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
