package metrics

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/firebreak-ops/firebreak/engine"
)

// Def is what is known of a metric before anything is counted.
type Def struct {
	Name   string
	Kind   string // counter, gauge or histogram
	Labels []string
	Help   string

	buckets []float64 // seconds; of a histogram
}

// The limits of a histogram's buckets, in seconds.
var (
	callSeconds   = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	peopleSeconds = []float64{0, 5, 15, 30, 60, 120, 300, 600, 1200, 3600, 14400, 86400}
	runSeconds    = []float64{.1, 1, 5, 15, 30, 60, 120, 300, 600, 1200, 3600, 14400, 86400}
	storeSeconds  = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
)

// What is counted.
var (
	runsStarted    = Def{Name: "firebreak_runs_started_total", Kind: "counter", Labels: []string{"runbook", "by"}, Help: "Runs that began; by is person, machine, alert or drill."}
	runsEnded      = Def{Name: "firebreak_runs_ended_total", Kind: "counter", Labels: []string{"runbook", "word"}, Help: "Runs that ended, by their ends."}
	runTime        = Def{Name: "firebreak_run_seconds", Kind: "histogram", Labels: []string{"runbook", "word"}, Help: "How long runs took, people included.", buckets: runSeconds}
	runPeople      = Def{Name: "firebreak_run_people_seconds", Kind: "histogram", Labels: []string{"runbook"}, Help: "How long a run waited for people, of runs that ended.", buckets: peopleSeconds}
	runsOpen       = Def{Name: "firebreak_runs_open", Kind: "gauge", Help: "Runs that have not ended."}
	runsWaiting    = Def{Name: "firebreak_runs_waiting", Kind: "gauge", Labels: []string{"on"}, Help: "Runs that wait, by what they wait on; approval, person and in_doubt are questions that people have not answered. One that waits on several counts for each."}
	questionsTime  = Def{Name: "firebreak_question_seconds", Kind: "histogram", Labels: []string{"kind", "choice"}, Help: "How long questions were open, by the answer; expired is one of them.", buckets: peopleSeconds}
	looksTime      = Def{Name: "firebreak_question_look_seconds", Kind: "histogram", Labels: []string{"role"}, Help: "From when a role was asked until the first of its people looked, of questions that were decided; who answers has looked.", buckets: peopleSeconds}
	answersTime    = Def{Name: "firebreak_question_answer_seconds", Kind: "histogram", Labels: []string{"role"}, Help: "From when a role was asked until the word of one of its people counted, of questions that were decided.", buckets: peopleSeconds}
	unansweredRole = Def{Name: "firebreak_question_unanswered_total", Kind: "counter", Labels: []string{"role"}, Help: "Questions that were decided by others or by silence, of those that a role was asked."}
	stepsEnded     = Def{Name: "firebreak_steps_total", Kind: "counter", Labels: []string{"runbook", "result"}, Help: "Steps and groups that ended: succeeded, failed, skipped, cancelled or undone."}
	refused        = Def{Name: "firebreak_refusals_total", Kind: "counter", Labels: []string{"rule"}, Help: "What people asked of a run in vain, by what they asked."}
	calls          = Def{Name: "firebreak_plugin_call_seconds", Kind: "histogram", Labels: []string{"plugin", "action", "call", "result"}, Help: "Calls of plugins; call is plan, read, act, undo or probe, and result ok or the class of the failure.", buckets: callSeconds}
	alertsDecided  = Def{Name: "firebreak_alerts_total", Kind: "counter", Labels: []string{"source", "outcome"}, Help: "Alerts that were decided, by what became of them."}
	alertToStep    = Def{Name: "firebreak_alert_to_first_step_seconds", Kind: "histogram", Labels: []string{"runbook"}, Help: "From the receipt of the alert that began a run to its first step.", buckets: callSeconds}
	journalTime    = Def{Name: "firebreak_journal_append_seconds", Kind: "histogram", Help: "How long it took until records were durable.", buckets: storeSeconds}
	stopsStanding  = Def{Name: "firebreak_stops", Kind: "gauge", Labels: []string{"kind", "service"}, Help: "Halts and holds that stand; an empty service is everything."}
	requestsTime   = Def{Name: "firebreak_request_seconds", Kind: "histogram", Labels: []string{"route", "status"}, Help: "Requests of other machines, but for what is followed.", buckets: callSeconds}
	runbooksLoaded = Def{Name: "firebreak_runbooks", Kind: "gauge", Help: "Runbooks that are known by name."}
	chatOK         = Def{Name: "firebreak_chat_ok", Kind: "gauge", Help: "1 where people can be told, asked and heard in the chat; 0 where a token is refused, a place is lost, or no socket is open. Missing without a chat."}
	chatLost       = Def{Name: "firebreak_chat_lost_places", Kind: "gauge", Help: "Channels and people that cannot be reached in the chat."}
	chatSockets    = Def{Name: "firebreak_chat_sockets", Kind: "gauge", Help: "Sockets to the chat that are open; 0 over HTTP."}
	chatWaiting    = Def{Name: "firebreak_chat_messages_waiting", Kind: "gauge", Help: "Messages that are to be sent or edited in the chat."}
	build          = Def{Name: "firebreak_build_info", Kind: "gauge", Labels: []string{"version"}, Help: "Always 1; the version of this process."}
)

// Defs are all metrics of ours, by name.
func Defs() []Def {
	all := []Def{
		runsStarted, runsEnded, runTime, runPeople, runsOpen, runsWaiting, questionsTime, looksTime, answersTime, unansweredRole, stepsEnded, refused,
		calls, alertsDecided, alertToStep, journalTime, stopsStanding, requestsTime, runbooksLoaded, build,
		chatOK, chatLost, chatSockets, chatWaiting,
	}
	slices.SortFunc(all, func(a, b Def) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// State is what is read of an owner when somebody asks for the metrics.
type State struct {
	Open     int            // runs that have not ended
	Waiting  map[string]int // of them, by what they wait on
	Stops    []engine.Stop
	Runbooks int
	Chat     *Chat // nil: there is none
}

// Chat is how the way to people in a chat is.
type Chat struct {
	OK                     bool
	Lost, Sockets, Waiting int
}

// Metrics counts. Its methods may be called from any goroutine and do not
// block.
type Metrics struct {
	registry *prometheus.Registry
	read     func(ctx context.Context) (State, error)

	counters   map[string]*prometheus.CounterVec
	histograms map[string]*prometheus.HistogramVec

	mu       sync.Mutex
	received map[string]time.Time // alerts whose runs have begun no step yet, by run
}

// New returns metrics of a process. read is asked whenever somebody asks for
// them.
func New(version string, read func(ctx context.Context) (State, error)) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), read: read,
		counters: map[string]*prometheus.CounterVec{}, histograms: map[string]*prometheus.HistogramVec{},
		received: map[string]time.Time{},
	}
	for _, d := range Defs() {
		switch d.Kind {
		case "counter":
			c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.Name, Help: d.Help}, d.Labels)
			m.counters[d.Name] = c
			m.registry.MustRegister(c)
		case "histogram":
			h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: d.Name, Help: d.Help, Buckets: d.buckets}, d.Labels)
			m.histograms[d.Name] = h
			m.registry.MustRegister(h)
		}
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), gauges{read: read, version: version})
	return m
}

// Handler answers with the metrics in the formats of Prometheus. What cannot
// be read fails the whole answer: half of it would look like good news.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
}

func (m *Metrics) count(d Def, labels ...string) {
	m.counters[d.Name].WithLabelValues(labels...).Inc()
}

func (m *Metrics) observe(d Def, took time.Duration, labels ...string) {
	m.histograms[d.Name].WithLabelValues(labels...).Observe(max(took, 0).Seconds())
}

// Run is what is counted by.
type Run struct {
	ID        string
	Runbook   string
	By        string // person, machine, alert or drill
	StartedAt time.Time
}

// Recorded counts records that are durable. took is how long that took.
func (m *Metrics) Recorded(run Run, records []engine.Record, took time.Duration) {
	m.observe(journalTime, took)
	for _, rec := range records {
		m.record(run, rec)
	}
}

func (m *Metrics) record(run Run, rec engine.Record) {
	switch e := rec.Event.(type) {
	case engine.RunStarted:
		m.count(runsStarted, run.Runbook, run.By)
	case engine.RunEnded:
		m.began(run, time.Time{})
		m.count(runsEnded, run.Runbook, string(e.Word))
		m.observe(runTime, rec.At.Sub(run.StartedAt), run.Runbook, string(e.Word))
		m.observe(runPeople, e.AskedFor, run.Runbook)
	case engine.StepStarted:
		m.began(run, rec.At)
	case engine.StepSucceeded:
		m.count(stepsEnded, run.Runbook, "succeeded")
	case engine.StepFailed:
		m.count(stepsEnded, run.Runbook, "failed")
	case engine.StepSkipped:
		m.count(stepsEnded, run.Runbook, "skipped")
	case engine.StepStopped:
		m.count(stepsEnded, run.Runbook, "cancelled")
	case engine.StepUndone:
		m.count(stepsEnded, run.Runbook, "undone")
	case engine.QuestionDecided:
		m.answered(e.Question, e.Choice, e.OpenFor, e.Asked)
	case engine.ValueProvided:
		m.answered(engine.AskValue, "provided", e.OpenFor, e.Asked)
	case engine.InputRefused:
		m.count(refused, e.What)
	}
}

// answered counts a question that was decided, and each role that was asked.
func (m *Metrics) answered(kind engine.QuestionKind, choice string, openFor time.Duration, asked []engine.Asked) {
	m.observe(questionsTime, openFor, string(kind), choice)
	for _, a := range asked {
		if a.Looked != nil {
			m.observe(looksTime, *a.Looked, a.Role)
		}
		if a.Answered != nil {
			m.observe(answersTime, *a.Answered, a.Role)
		} else {
			m.count(unansweredRole, a.Role)
		}
	}
}

// Received says when the alert came that is about to begin a run.
func (m *Metrics) Received(run string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.received[run] = at
}

// began counts the first step of a run of an alert; at is zero where there is
// none.
func (m *Metrics) began(run Run, at time.Time) {
	m.mu.Lock()
	came, ok := m.received[run.ID]
	delete(m.received, run.ID)
	m.mu.Unlock()
	if ok && !at.IsZero() {
		m.observe(alertToStep, at.Sub(came), run.Runbook)
	}
}

// Called counts a call of a plugin.
func (m *Metrics) Called(plugin, action, call, result string, took time.Duration) {
	m.observe(calls, took, plugin, action, call, result)
}

// Decided counts an alert.
func (m *Metrics) Decided(source, outcome string) { m.count(alertsDecided, source, outcome) }

// Asked counts a request of another machine.
func (m *Metrics) Asked(route, status string, took time.Duration) {
	m.observe(requestsTime, took, route, status)
}

// gauges are what is read when somebody asks.
type gauges struct {
	read    func(ctx context.Context) (State, error)
	version string
}

func desc(d Def) *prometheus.Desc { return prometheus.NewDesc(d.Name, d.Help, d.Labels, nil) }

// Describe implements [prometheus.Collector].
func (g gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range Defs() {
		if d.Kind == "gauge" {
			to <- desc(d)
		}
	}
}

// patience is how long the state may take to be read.
const patience = 5 * time.Second

// Collect implements [prometheus.Collector].
func (g gauges) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := g.read(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(desc(runsOpen), err)
		return
	}
	set := func(d Def, value int, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc(d), prometheus.GaugeValue, float64(value), labels...)
	}
	set(build, 1, g.version)
	set(runsOpen, s.Open)
	set(runbooksLoaded, s.Runbooks)
	if c := s.Chat; c != nil {
		ok := 0
		if c.OK {
			ok = 1
		}
		set(chatOK, ok)
		set(chatLost, c.Lost)
		set(chatSockets, c.Sockets)
		set(chatWaiting, c.Waiting)
	}
	for on, n := range s.Waiting {
		set(runsWaiting, n, on)
	}
	stops := map[[2]string]int{}
	for _, stop := range s.Stops {
		stops[[2]string{string(stop.Kind), stop.Service}]++
	}
	for of, n := range stops {
		set(stopsStanding, n, of[0], of[1])
	}
}
