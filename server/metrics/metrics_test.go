package metrics_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/server/metrics"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func scrape(t *testing.T, m *metrics.Metrics) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

// TestMetrics tells of two runs and looks for what is counted of them: each
// metric that has a definition comes out, and nothing else of ours does.
func TestMetrics(t *testing.T) {
	m := metrics.New("v1", func(context.Context) (metrics.State, error) {
		return metrics.State{Open: 3, Waiting: map[string]int{"approval": 2}, Runbooks: 10, Chat: &metrics.Chat{OK: true, Lost: 1, Sockets: 2, Waiting: 3}, Stops: []engine.Stop{{Kind: engine.StopHold, Service: "api"}}}, nil
	})
	run := metrics.Run{ID: "r1", Runbook: "restart", By: "alert", StartedAt: noon}
	at := func(s int, e engine.Event) []engine.Record {
		return []engine.Record{{At: noon.Add(time.Duration(s) * time.Second), Event: e}}
	}
	m.Received("r1", noon.Add(-20*time.Millisecond))
	m.Received("r2", noon)
	for i, e := range []engine.Event{
		engine.RunStarted{}, engine.StepStarted{}, engine.StepStarted{}, engine.StepSucceeded{}, engine.StepFailed{}, engine.StepSkipped{}, engine.StepStopped{}, engine.StepUndone{},
		engine.InputRefused{What: "approve"},
		engine.QuestionDecided{ID: "r1/q", Question: engine.AskGate, Choice: "approve", OpenFor: 6 * time.Minute, Asked: []engine.Asked{
			{Role: "sre", Looked: new(40 * time.Second)}, {Role: "leads", Looked: new(10 * time.Second), Answered: new(30 * time.Second)},
		}},
		engine.ValueProvided{OpenFor: time.Minute, Asked: []engine.Asked{{Role: "leads", Looked: new(time.Minute), Answered: new(time.Minute)}}},
		engine.RunEnded{Word: engine.Succeeded, AskedFor: 20 * time.Second},
	} {
		s := i
		if i < 2 {
			s = 0 // at once
		}
		m.Recorded(run, at(s, e), 2*time.Millisecond)
	}
	m.Recorded(metrics.Run{ID: "r2", Runbook: "restart", By: "alert", StartedAt: noon}, at(1, engine.RunEnded{Word: engine.Refused}), time.Millisecond)
	m.Called("git", "settings.rollback", "act", "ok", 30*time.Millisecond)
	m.Decided("am", "started")
	m.Asked("GET /v1/runs", "200", time.Millisecond)
	code, text := scrape(t, m)
	if code != http.StatusOK {
		t.Fatalf("%d: %s", code, text)
	}
	for _, want := range []string{
		`firebreak_runs_started_total{by="alert",runbook="restart"} 1`,
		`firebreak_runs_ended_total{runbook="restart",word="succeeded"} 1`,
		`firebreak_runs_ended_total{runbook="restart",word="refused"} 1`,
		`firebreak_run_seconds_sum{runbook="restart",word="succeeded"} 11`,
		`firebreak_run_people_seconds_sum{runbook="restart"} 20`,
		`firebreak_runs_open 3`,
		`firebreak_runs_waiting{on="approval"} 2`,
		`firebreak_question_seconds_sum{choice="approve",kind="gate"} 360`,
		`firebreak_question_seconds_sum{choice="provided",kind="value"} 60`,
		`firebreak_question_look_seconds_sum{role="sre"} 40`,
		`firebreak_question_look_seconds_sum{role="leads"} 70`,
		`firebreak_question_answer_seconds_sum{role="leads"} 90`,
		`firebreak_question_unanswered_total{role="sre"} 1`,
		`firebreak_steps_total{result="succeeded",runbook="restart"} 1`,
		`firebreak_steps_total{result="failed",runbook="restart"} 1`,
		`firebreak_steps_total{result="skipped",runbook="restart"} 1`,
		`firebreak_steps_total{result="cancelled",runbook="restart"} 1`,
		`firebreak_steps_total{result="undone",runbook="restart"} 1`,
		`firebreak_refusals_total{rule="approve"} 1`,
		`firebreak_plugin_call_seconds_count{action="settings.rollback",call="act",plugin="git",result="ok"} 1`,
		`firebreak_alerts_total{outcome="started",source="am"} 1`,
		`firebreak_alert_to_first_step_seconds_sum{runbook="restart"} 0.02`,
		`firebreak_alert_to_first_step_seconds_count{runbook="restart"} 1`,
		`firebreak_journal_append_seconds_count 13`,
		`firebreak_stops{kind="hold",service="api"} 1`,
		`firebreak_request_seconds_count{route="GET /v1/runs",status="200"} 1`,
		`firebreak_runbooks 10`,
		`firebreak_build_info{version="v1"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("it lacks %s", want)
		}
	}
	for _, d := range metrics.Defs() {
		if !strings.Contains(text, "# HELP "+d.Name+" "+d.Help+"\n# TYPE "+d.Name+" "+d.Kind+"\n") {
			t.Errorf("%s is not there as it is described", d.Name)
		}
	}
	if got := strings.Count(text, "# HELP firebreak_"); got != len(metrics.Defs()) {
		t.Errorf("%d metrics are there, and %d are described", got, len(metrics.Defs()))
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%+v, %v", problems, err)
	}
}

// TestUnreadable holds that what cannot be read is no good news.
func TestUnreadable(t *testing.T) {
	m := metrics.New("v1", func(context.Context) (metrics.State, error) { return metrics.State{}, errors.New("no state") })
	if code, text := scrape(t, m); code != http.StatusInternalServerError || strings.Contains(text, "# HELP") {
		t.Errorf("%d: %s", code, text)
	}
}
