package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Server answers on the socket of a state's owner.
type Server struct {
	cfg   Config
	http  *http.Server
	since time.Time

	streams context.Context // ends when the server stops
	cut     context.CancelFunc
	far     context.Context // of streams to other machines; ends with HangUp
	hangUp  context.CancelFunc

	takes    http.Handler // of alerts; it finds out who asks
	pace     *limits
	strikes  strikes
	watching streams

	mu       sync.Mutex
	listener *net.UnixListener
	served   chan struct{} // closed when the listener is no longer served
}

// New returns a server that does not listen yet.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Chat == nil {
		cfg.Chat = func() json.RawMessage { return nil }
	}
	s := &Server{cfg: cfg, since: cfg.Now().UTC()}
	s.streams, s.cut = context.WithCancel(context.Background())
	s.far, s.hangUp = context.WithCancel(s.streams)
	s.pace, s.strikes = newLimits(requestRate, requestBurst), strikes{newLimits(strikeRate, strikeBurst)}
	s.watching.of = map[string]int{}
	s.http = &http.Server{
		Handler:           s.mux(s.atSocket, false),
		ConnContext:       s.identify,
		ReadHeaderTimeout: 5 * time.Second,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return s.streams },
	}
	return s
}

// Start listens and returns; requests are answered in the background until
// Stop. A second Start does nothing.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return nil
	}
	l, err := listen(s.cfg.Socket, s.cfg.State)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.cfg.Socket, err)
	}
	s.listener, s.served = l, make(chan struct{})
	go func(served chan<- struct{}) {
		defer close(served)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.cut() // nobody can be answered any more
		}
	}(s.served)
	return nil
}

// Addr is the socket's path, or "" when the server does not listen.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.cfg.Socket
}

// Front is what other machines reach: the same routes, for those who have a
// token, and alerts, whose handler finds out who asks. It is called before
// anybody comes.
func (s *Server) Front(alerts http.Handler) http.Handler {
	s.takes = alerts
	return s.mux(s.byToken, true)
}

// HangUp ends the streams to other machines.
func (s *Server) HangUp() { s.hangUp() }

// Stop ends streams, answers what has been asked, and takes the socket away.
// What has no answer when ctx ends is cut. A second Stop does nothing; a
// stopped server does not start again.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the server: %w", err), s.http.Close())
	}
	if s.listener == nil {
		return err
	}
	<-s.served
	s.listener = nil
	gone := os.Remove(s.cfg.Socket)
	if errors.Is(gone, fs.ErrNotExist) {
		gone = nil // somebody was quicker
	}
	return errors.Join(err, gone)
}
