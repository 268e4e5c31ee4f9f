package practice

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"time"
)

// retrySpread is how far apart the clients of a shed backlog are asked to come
// back: within 10 s those of three seconds would add a third to the demand, which
// a machine that is busy with other things does not serve.
const retrySpread = 20 * time.Second

// retryAfter is the next refused client's Retry-After, in whole seconds.
func (r *replica) retryAfter() int {
	remaining := r.gate.shedRemaining()
	if remaining == 0 { // stopping: its successor is there in a moment
		return 1
	}
	spread := rand.Float64() * retrySpread.Seconds() //nolint:gosec // no secret
	return int(math.Ceil(remaining.Seconds() + spread))
}

// ready answers GET /ready: 200 while the replica takes requests.
func (r *replica) ready(w http.ResponseWriter, _ *http.Request) {
	code := http.StatusOK
	if !r.serving.Load() {
		code = http.StatusServiceUnavailable
	}
	settings := r.settings.Load()
	reply(w, code, map[string]any{
		"name": r.opts.Name, "version": r.opts.Version, "revision": settings.Revision,
		"ready": code == http.StatusOK, "started_at": r.started,
	})
}

// Settings is what a revision of the service's settings says of its pool.
type Settings struct {
	PoolMax  int    `json:"db.pool.max"` // the whole service's, split over the replicas
	Revision string `json:"revision"`
}

// runningSettings answers GET /admin/settings with what runs, not with what was wished.
func (r *replica) runningSettings(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, r.settings.Load())
}

// deploySettings answers PUT /admin/settings: the new pool is in place when it returns.
func (r *replica) deploySettings(w http.ResponseWriter, req *http.Request) {
	var next Settings
	if err := json.NewDecoder(http.MaxBytesReader(w, req.Body, 1<<16)).Decode(&next); err != nil {
		reply(w, http.StatusBadRequest, problem("settings: %v", err))
		return
	}
	if err := r.apply(next); err != nil {
		reply(w, http.StatusUnprocessableEntity, problem("%v", err))
		return
	}
	reply(w, http.StatusOK, next)
}

// backlogStatus answers GET /backlog.
func (r *replica) backlogStatus(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, r.gate.backlog())
}

// shed answers POST /backlog/shed {older_than, for}, both durations in Go text,
// at once: refused counts from the start of the shedding, so it is 0 unless
// one is going on already.
func (r *replica) shed(w http.ResponseWriter, req *http.Request) {
	var ask struct {
		OlderThan string `json:"older_than"`
		For       string `json:"for"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, req.Body, 1<<16)).Decode(&ask); err != nil {
		reply(w, http.StatusBadRequest, problem("shed: %v", err))
		return
	}
	olderThan, err := duration(ask.OlderThan, 0)
	if err != nil {
		reply(w, http.StatusBadRequest, problem("older_than: %v", err))
		return
	}
	length, err := duration(ask.For, r.gate.timeout)
	if err != nil {
		reply(w, http.StatusBadRequest, problem("for: %v", err))
		return
	}
	cancelled, refused, until := r.gate.shed(olderThan, length)
	reply(w, http.StatusOK, map[string]any{"cancelled": cancelled, "refused": refused, "until": until.UTC()})
}

func duration(text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		return 0, fmt.Errorf("%s is negative", text)
	}
	return d, err
}

func problem(format string, args ...any) map[string]string {
	return map[string]string{"error": fmt.Sprintf(format, args...)}
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// A client that went away is its own problem.
	_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // our own plain values
}
