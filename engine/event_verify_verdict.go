package engine

import "time"

// VerifyVerdict records what a verify found: passed, failed or inconclusive.
type VerifyVerdict struct {
	Path    string `json:"path"`
	Verdict string `json:"verdict"`
	Why     string `json:"why"`
	By      string `json:"by,omitempty"` // of an acceptance: who
}

// Kind implements [Event].
func (VerifyVerdict) Kind() string { return "verify_verdict" }

func (e VerifyVerdict) apply(r *Run, at time.Time) {
	r.closeAbout(e.Path, at)
	r.setStep(e.Path, func(s *Step) {
		s.Doing, s.Accepted, s.Verified = DoingNothing, e.By, e.Verdict
		s.N++
	})
}
