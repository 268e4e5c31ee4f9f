package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// largest is how many bytes a request may have.
const largest = 1 << 20

// handler answers a request of somebody known, with a value or an error.
type handler func(r *http.Request, by Caller) (status int, answer any, err error)

// writer answers a request of somebody known by itself.
type writer func(w http.ResponseWriter, r *http.Request, by Caller)

// route is one thing that can be asked. All that is known of the API is in
// them: who is let in, and what is said in /v1/openapi.json.
type route struct {
	method, path string
	needs        Right
	about        string // one sentence
	query        []parameter
	takes        any    // of the type of the body; nil: there is none
	status       int    // of a good answer; 0: 200
	gives        any    // of the type of a good answer; nil: see format
	format       string // media type of an answer that is not application/json
	do           handler
	write        writer // instead of do
}

// parameter is one that stands behind the question mark.
type parameter struct {
	name  string
	about string
	kind  string // integer, boolean, string or date-time
}

// routes are all of them, in the order in which people read them.
func (s *Server) routes() []route {
	id := "/v1/runs/{id}"
	limit := parameter{"limit", "At most so many, and never more than 1000, which is what 0 asks for; where there are more, the header Link says where they go on", "integer"}
	after := parameter{"after", "Only those that come after this one: what Link says", "string"}
	service := parameter{"service", "Only those of this service", "string"}
	all := []route{
		{method: "POST", path: "/v1/runs", needs: MayRun, about: "Start a run", takes: StartRequest{}, status: http.StatusCreated, gives: Started{}, do: s.start},
		{method: "GET", path: "/v1/runs", needs: MayRead, about: "List runs, newest first", gives: []engine.Head{}, do: s.list, query: []parameter{
			{"unsettled", "Only those that have not ended, or of whose end not everybody has been told", "boolean"}, service, limit, after,
		}},
		{method: "GET", path: id, needs: MayRead, about: "Show a run", gives: View{}, do: s.show},
		{
			method: "GET", path: id + "/events", needs: MayRead, about: "Follow a run: its records from a number on, then those to come, as lines of JSON, or, where the request accepts text/event-stream, as server-sent events",
			gives: Line{}, format: "application/x-ndjson", write: s.events, query: []parameter{{"from", "Number of the first record; Last-Event-ID goes before it", "integer"}},
		},
		{method: "POST", path: id + "/retry", needs: MayRun, about: "Go on, as a new run, where one that has ended did not", takes: RetryRequest{}, status: http.StatusCreated, gives: Started{}, do: s.retry},
		{method: "POST", path: id + "/undo", needs: MayRun, about: "Undo what a run has changed; if it has ended, by a new run, and the status is 201", takes: UndoRequest{}, gives: Started{}, do: s.undo},
	}
	for _, say := range s.sayings() {
		all = append(all, route{method: "POST", path: id + "/" + say.body.Verb(), needs: MayAnswer, about: say.about, takes: say.body, gives: Started{}, do: say.do})
	}
	return append(all, []route{
		{method: "GET", path: "/v1/approvals", needs: MayRead, about: "List the questions that runs ask people, the run that began first at the beginning; limit is of runs, 100 at most", gives: []Asked{}, do: s.approvals, query: []parameter{limit, after}},
		{method: "GET", path: "/v1/runbooks", needs: MayRead, about: "List the runbooks that the owner knows by name", gives: []RunbookView{}, do: s.runbooks},
		{method: "GET", path: "/v1/runbooks/{name}", needs: MayRead, about: "Show a runbook, its inputs and its text", gives: RunbookView{}, do: s.runbook},
		{method: "GET", path: "/v1/services", needs: MayRead, about: "List the services of the configuration, and what stops runs of each", gives: []ServiceView{}, do: s.services},
		{method: "GET", path: "/v1/alerts", needs: MayRead, about: "List what alert sources have sent, the last first, and what became of it", gives: []AlertView{}, do: s.alerts, query: []parameter{limit, after}},
		{method: "POST", path: "/v1/alerts/{source}", needs: needsSource, about: "Take alerts in, in the form of the source", status: http.StatusAccepted, write: s.takeAlerts},
		{method: "POST", path: "/v1/changes", needs: MayReport, about: "Report a change that was made to a service; the same id of the same reporter replaces it", takes: ChangeRequest{}, status: http.StatusCreated, gives: Change{}, do: s.report},
		{method: "GET", path: "/v1/changes", needs: MayRead, about: "List the changes that were reported, the last first", gives: []Change{}, do: s.changes, query: []parameter{
			service, {"since", "Made at this time or later", "date-time"}, limit, after,
		}},
		{method: "GET", path: "/v1/stops", needs: MayRead, about: "List what is halted or held", gives: StopsView{}, do: s.stops},
		{method: "PUT", path: "/v1/stops", needs: MayStop, about: "Halt everything or a service, or hold a service", takes: StopRequest{}, gives: StopsView{}, do: s.stop},
		{method: "DELETE", path: "/v1/stops", needs: MayStop, about: "Lift a halt or a hold", takes: StopRequest{}, gives: StopsView{}, do: s.lift},
		{method: "GET", path: "/v1/services/{service}/snapshot", needs: needsSocket, about: "Read what a diagnosis of a service needs", query: []parameter{{"since", "How far back changes count, such as 2h", "string"}}, gives: json.RawMessage{}, do: s.snapshot},
		{method: "GET", path: "/v1/policy", needs: MayRead, about: "Say what the rules of the configuration hold back", gives: PolicyView{}, do: s.policy, query: []parameter{
			{"at", "At this time; now if it is left out", "date-time"},
		}},
		{method: "GET", path: "/v1/plugins", needs: MayRead, about: "Say what the plugins are doing", gives: json.RawMessage{}, do: s.plugins},
		{method: "GET", path: "/v1/audit", needs: MayRead, about: "Say the head of the log, and what people have done that is no run's business, the last first", gives: AuditView{}, do: s.audit, query: []parameter{limit, after}},
		{method: "POST", path: "/v1/reload", needs: MayKeep, about: "Read the runbooks that are known by name anew: all of them, or none if one does not pass; runs go on with what they began with", gives: Reloaded{}, do: s.reload},
		{method: "POST", path: "/v1/prune", needs: MayKeep, about: "Give up runs that ended long ago", takes: PruneRequest{}, gives: Pruned{}, do: s.prune},
		{method: "POST", path: "/v1/tokens", needs: needsSocket, about: "Make a token; its text is said this once", takes: TokenRequest{}, status: http.StatusCreated, gives: MadeToken{}, do: s.makeToken},
		{method: "GET", path: "/v1/tokens", needs: needsSocket, about: "List tokens, the newest first", gives: []TokenView{}, do: s.listTokens},
		{method: "DELETE", path: "/v1/tokens/{id}", needs: needsSocket, about: "Revoke a token", gives: Revoked{}, do: s.revokeToken},
		{method: "GET", path: "/v1/health", needs: needsNothing, about: "Say that firebreak is there; to who proves who they are, also which and as whom it sees them", gives: Health{}, do: s.health},
		{method: "GET", path: "/v1/ready", needs: needsNothing, about: "Say whether runs go on here, and alerts are taken; if not, the status is 503", gives: Ready{}, do: s.ready},
		{method: "GET", path: "/v1/metrics", needs: s.metricsNeed(), about: "Say the metrics, as Prometheus reads them", format: "text/plain", write: s.metrics},
		{method: "GET", path: "/v1/openapi.json", needs: needsNothing, about: "Describe the API as OpenAPI 3.1", gives: json.RawMessage{}, do: s.openAPI},
	}...)
}

// mux answers every route. who finds out who asks; the zero Caller, with no
// error, is nobody. front: it is what other machines reach.
func (s *Server) mux(who func(*http.Request) (Caller, error), front bool) http.Handler {
	mux := http.NewServeMux()
	for _, rt := range s.routes() {
		if front && rt.needs == needsSocket || !front && rt.needs == needsSource {
			continue
		}
		serve := func(w http.ResponseWriter, r *http.Request) (by Caller) {
			var err error
			if rt.needs != needsSource {
				if by, err = who(r); err == nil {
					err = rt.admits(by)
				}
			}
			if err != nil {
				fail(w, err)
			} else {
				rt.serve(w, r, by)
			}
			return by
		}
		if front {
			serve = s.heard(rt.method, rt.path, serve)
		}
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { serve(w, r) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if by, err := who(r); err != nil || by.Person == "" {
			fail(w, errors.Join(err, unproven("nothing is said without a token", tokenHint)))
			return
		}
		fail(w, &Problem{Text: "there is no " + r.Method + " " + r.URL.Path, Class: "not_found",
			Hint: "this firebreak and the owner of the state may be of different versions"})
	})
	return mux
}

// serve answers somebody who was let in.
func (rt route) serve(w http.ResponseWriter, r *http.Request, by Caller) {
	if rt.write != nil {
		rt.write(w, r, by)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, largest)
	status, answer, err := rt.do(r, by)
	if err != nil {
		fail(w, err)
		return
	}
	if p, ok := answer.(page); ok {
		p.next(w, r)
		answer = p.answer
	}
	reply(w, status, answer)
}

// heard tells of every request that a handler has answered.
func (s *Server) heard(method, path string, serve func(http.ResponseWriter, *http.Request) Caller) func(http.ResponseWriter, *http.Request) Caller {
	if s.cfg.Heard == nil {
		return serve
	}
	return func(w http.ResponseWriter, r *http.Request) Caller {
		began := s.cfg.Now()
		seen := &statusWriter{ResponseWriter: w}
		by := serve(seen, r)
		if !strings.HasSuffix(path, "/events") || seen.status >= http.StatusBadRequest {
			s.cfg.Heard(Request{Method: method, Route: path, From: hostOf(r), By: by, Status: seen.status, Took: s.cfg.Now().Sub(began)})
		}
		return by
	}
}

const tokenHint = "send `Authorization: Bearer TOKEN`; `firebreak tokens create` makes one" //nolint:gosec // it holds no token

// admits refuses who may not ask.
func (rt route) admits(by Caller) error {
	switch {
	case rt.needs == needsNothing:
		return nil
	case by.Person == "":
		return unproven("nothing is said without a token", tokenHint)
	case rt.needs == needsSocket || by.may(rt.needs):
		return nil
	}
	return &Problem{
		Text: "token " + by.Token + " does not let " + by.Person + " do that: it needs the right " + string(rt.needs),
		Hint: "`firebreak tokens create --may " + string(rt.needs) + "` makes one that does", Class: classRefused,
	}
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
		return v, invalid("the request is not what is expected here: %s", misread(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v, invalid("the request is not what is expected here: something follows its object")
	}
	return v, nil
}

// misread says why a body cannot be read, in words of JSON.
func misread(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return "it is " + kindOf(wrong.Value) + ", not an object"
		}
		return fmt.Sprintf("%s may not be %s", wrong.Field, kindOf(wrong.Value))
	}
	if wrong, ok := errors.AsType[*time.ParseError](err); ok {
		return fmt.Sprintf("%q is no time, such as 2026-11-28T10:00:00Z", strings.Trim(wrong.Value, `"`))
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// kindOf is a value of JSON, for people.
func kindOf(value string) string {
	kind, _, _ := strings.Cut(value, " ") // a number is said with its digits
	switch kind {
	case "array", "object":
		return "an " + kind
	case "bool":
		return "true or false"
	default:
		return "a " + kind
	}
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

func (s *Server) reload(r *http.Request, by Caller) (int, any, error) {
	done, err := s.cfg.Reload(r.Context(), by)
	return http.StatusOK, done, err
}

func (s *Server) plugins(r *http.Request, _ Caller) (int, any, error) {
	status, err := s.cfg.Plugins(r.Context())
	return http.StatusOK, status, err
}

func (s *Server) audit(r *http.Request, _ Caller) (int, any, error) {
	limit, after, err := pageOf(r)
	if err != nil {
		return 0, nil, err
	}
	view, err := s.cfg.Audit(r.Context(), limit+1, after)
	acts, more := cut(view.Acts, limit)
	view.Acts = acts
	return http.StatusOK, more.with(view, func() string { return strconv.FormatInt(acts[limit-1].N, 10) }), err
}

func (s *Server) snapshot(r *http.Request, _ Caller) (int, any, error) {
	since, err := time.ParseDuration(r.URL.Query().Get("since"))
	if err != nil {
		return 0, nil, invalid("since is no duration such as 2h: %v", err)
	}
	shot, err := s.cfg.Snapshot(r.Context(), r.PathValue("service"), since)
	return http.StatusOK, shot, err
}

func (s *Server) health(_ *http.Request, by Caller) (int, any, error) {
	if by.Person == "" {
		return http.StatusOK, Health{OK: true}, nil
	}
	return http.StatusOK, Health{
		OK:         true,
		Version:    s.cfg.Version,
		PID:        os.Getpid(),
		Generation: s.cfg.Generation,
		Since:      s.since,
		Drives:     s.cfg.Drives,
		You:        &by,
		Chat:       s.cfg.Chat(),
	}, nil
}

func (s *Server) ready(*http.Request, Caller) (int, any, error) {
	if err := s.cfg.Ready(); err != nil {
		return 0, nil, &Problem{Text: err.Error(), Class: classUnready}
	}
	return http.StatusOK, Ready{Ready: true}, nil
}

// metricsNeed is what it takes to read the metrics.
func (s *Server) metricsNeed() Right {
	if s.cfg.MetricsOpen {
		return needsNothing
	}
	return MayScrape
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request, _ Caller) {
	if s.cfg.Metrics == nil {
		fail(w, &Problem{Text: "there are no metrics here", Class: "not_found", Hint: "`firebreak serve` counts"})
		return
	}
	s.cfg.Metrics.ServeHTTP(w, r)
}

// takeAlerts takes alerts in where a front lets them in.
func (s *Server) takeAlerts(w http.ResponseWriter, r *http.Request, _ Caller) {
	s.struck(s.takes).ServeHTTP(w, r)
}
