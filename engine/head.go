package engine

import "time"

// Head is what a list shows of a run. It follows from the run's records.
type Head struct {
	ID        string    `json:"id"`
	Runbook   string    `json:"runbook"`
	Service   string    `json:"service,omitempty"`
	Requester Requester `json:"requester"`
	Phase     Phase     `json:"phase"`
	Word      Word      `json:"word,omitempty"` // empty until the run has ended
	Waiting   []string  `json:"waiting,omitempty"`
	Asks      int       `json:"asks,omitempty"` // how many questions are open, those whose turn has not come among them
	Bar       string    `json:"bar,omitempty"`  // the kind of rule that bars it from changes
	Changed   int       `json:"changed"`        // how many changes it has begun, those that did nothing left out
	May       int       `json:"may,omitempty"`  // how many more it may begin, at most; 0 until it has begun one
	StartedAt time.Time `json:"started_at"`
	ChangedAt time.Time `json:"changed_at,omitzero"` // when it began its first change
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Seq       int       `json:"seq"`
	Settled   bool      `json:"settled"` // ended, and everybody has been told
}
