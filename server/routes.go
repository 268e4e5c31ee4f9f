package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
)

// largest is how many bytes a request may have.
const largest = 1 << 20

// handler answers a request of somebody known, with a value or an error.
type handler func(r *http.Request, by Caller) (status int, answer any, err error)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"POST /v1/runs":            s.start,
		"GET /v1/runs":             s.list,
		"GET /v1/runs/{id}":        s.show,
		"POST /v1/runs/{id}/undo":  s.undo,
		"POST /v1/runs/{id}/retry": s.retry,
		"GET /v1/stops":            s.stops,
		"PUT /v1/stops":            s.stop,
		"DELETE /v1/stops":         s.lift,
		"POST /v1/prune":           s.prune,
		"GET /v1/plugins":          s.plugins,
		"GET /v1/health":           s.health,
	} {
		mux.Handle(pattern, h)
	}
	for verb, h := range s.sayings() {
		mux.Handle("POST /v1/runs/{id}/"+verb, h)
	}
	mux.HandleFunc("GET /v1/runs/{id}/events", s.events)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, &Problem{Text: "there is no " + r.Method + " " + r.URL.Path, Class: "not_found",
			Hint: "this firebreak and the owner of the state may be of different versions"})
	})
	return mux
}

// ServeHTTP implements [http.Handler].
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	by, err := callerOf(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, largest)
	status, answer, err := h(r, by)
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, status, answer)
}

// read decodes a request's body. An empty one is the zero value.
func read[T any](r *http.Request) (T, error) {
	var v T
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(&v)
	if errors.Is(err, io.EOF) {
		return v, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return v, err
	}
	if err != nil {
		return v, invalid("the request is not what is expected here: %v", err)
	}
	return v, nil
}

func (s *Server) prune(r *http.Request, by Caller) (int, any, error) {
	req, err := read[PruneRequest](r)
	if err != nil {
		return 0, nil, err
	}
	if req.Before.IsZero() {
		return 0, nil, invalid("it is not said by when the runs had ended")
	}
	done, err := s.cfg.Prune(r.Context(), by, req)
	return http.StatusOK, done, err
}

func (s *Server) plugins(r *http.Request, _ Caller) (int, any, error) {
	status, err := s.cfg.Plugins(r.Context())
	return http.StatusOK, status, err
}

func (s *Server) health(_ *http.Request, by Caller) (int, any, error) {
	return http.StatusOK, Health{
		OK:         true,
		Version:    s.cfg.Version,
		PID:        os.Getpid(),
		Generation: s.cfg.Generation,
		Since:      s.since,
		Drives:     s.cfg.Drives,
		You:        by,
	}, nil
}
