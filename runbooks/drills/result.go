package drills

import "time"

// Result is the last line of a drill with --json. Its fields are a contract:
// more may come, none goes away. A timing that was never reached is null.
type Result struct {
	Type     string      `json:"type"`           // drill_finished
	Seed     *uint64     `json:"seed,omitempty"` // with --seeds
	Passed   bool        `json:"passed"`         // right cause, the run ended as it should, healthy
	Cause    string      `json:"cause"`          // empty: none was named
	Seconds  Seconds     `json:"seconds"`
	Alert    Alerted     `json:"alert"`
	Requests Requests    `json:"requests"`
	Goals    []GoalScore `json:"goals"`
}

// Seconds are the drill's timings, raw: people are not subtracted.
type Seconds struct {
	InjectionToAlert   *float64 `json:"injection_to_alert"`
	AlertToCause       *float64 `json:"alert_to_cause"`
	WaitingOnPeople    *float64 `json:"waiting_on_people"` // from question to answer, all questions
	CauseToRollback    *float64 `json:"cause_to_rollback"` // until the last replica runs the old value
	AlertToHealthy     *float64 `json:"alert_to_healthy"`
	InjectionToHealthy *float64 `json:"injection_to_healthy"`
}

// Alerted says how the alert came. Its times are seconds from the injection.
type Alerted struct {
	By           string   `json:"by"`            // drill or prometheus
	BeforeErrors bool     `json:"before_errors"` // it came before the first request that failed was even due
	FirstFailed  *float64 `json:"first_failed"`  // when that was due; null: none failed
	Resolved     *float64 `json:"resolved"`      // when firebreak was told; null: never, and always null where by is drill
}

// Requests count first attempts, retries being part of them, by the time at
// which they were due: from the injection to the end of the first healthy
// stretch.
type Requests struct {
	Failed              int `json:"failed"` // the last attempt failed
	FailedAfterRollback int `json:"failed_after_rollback"`
	Total               int `json:"total"`
}

// GoalScore is a goal and what was reached, in seconds. A value that was never
// reached is null, and not met.
type GoalScore struct {
	Name  string   `json:"name"`
	Limit float64  `json:"limit"`
	Value *float64 `json:"value"`
	Met   bool     `json:"met"`
}

// named finds a timing by its name in the JSON.
func (s Seconds) named(name string) (*float64, bool) {
	for _, row := range s.rows() {
		if row.name == name {
			return row.value, true
		}
	}
	return nil, false
}

type timing struct {
	name, title string
	value       *float64
	incident    func(Incident) time.Duration
}

// rows are the timings in the order in which they are shown.
func (s Seconds) rows() []timing {
	return []timing{
		{"injection_to_alert", "change to alert", s.InjectionToAlert, func(i Incident) time.Duration { return i.InjectionToAlert }},
		{"alert_to_cause", "alert to cause", s.AlertToCause, func(i Incident) time.Duration { return i.AlertToCause }},
		{"waiting_on_people", "waiting on people", s.WaitingOnPeople, func(i Incident) time.Duration { return i.WaitingOnPeople }},
		{"cause_to_rollback", "cause to rollback", s.CauseToRollback, func(i Incident) time.Duration { return i.CauseToRollback }},
		{"alert_to_healthy", "alert to healthy", s.AlertToHealthy, func(i Incident) time.Duration { return i.AlertToHealthy }},
		{"injection_to_healthy", "change to healthy", s.InjectionToHealthy, func(i Incident) time.Duration { return i.InjectionToHealthy }},
	}
}
