package engine

import "time"

// HandedBack says that a person who had taken the run over gives it back. To
// verify: what is left of a step was done by hand, and its verify tells
// whether that worked.
type HandedBack struct {
	By     string   `json:"by"`
	To     string   `json:"to"`             // resume, verify or end
	Path   string   `json:"path,omitempty"` // of the step to verify
	Done   []string `json:"done,omitempty"` // by hand: paths of what was left of it
	Reason string   `json:"reason,omitempty"`
}

// Kind implements [Event].
func (HandedBack) Kind() string { return "handed_back" }

func (e HandedBack) apply(r *Run, at time.Time) {
	r.lift(Stop{Kind: StopTakeOver}, at)
	if e.Path == "" {
		return
	}
	for _, path := range e.Done {
		StepSkipped{Path: path}.apply(r, at)
	}
	unlocked := r.Locks.State != LocksHeld && r.Locks.State != LocksNone
	for path, s := range r.Steps {
		unlocked = unlocked || s.Unlocked && within(path, e.Path)
	}
	r.closeAbout(e.Path, at)
	r.setStep(e.Path, func(s *Step) {
		s.Doing, s.Verified, s.Unlocked = DoingNothing, "", unlocked // what was found before was found without it
		if s.ActedAt.IsZero() {
			s.ActedAt = at
		}
	})
}
