package runbook

// Proof says why a step may change something. Of what [Parse] returns, every
// change has a gate, a verify or a waiver of it, and an undo or a reason why
// there is none.
type Proof struct {
	Step   *Step
	Gate   *Step // whose approve covers it: itself, or the nearest group around it
	Verify *Step // whose verify covers it, likewise
}

// Proofs returns the proof of each step that changes something, in the order
// written.
func (r *Runbook) Proofs() []Proof {
	var proofs []Proof
	for _, s := range r.Mutations() {
		proofs = append(proofs, Proof{Step: s, Gate: s.Gate(), Verify: s.verifier()})
	}
	return proofs
}

// verifier is the step whose verify covers this one: itself or the nearest
// group around it; nil if there is none.
func (s *Step) verifier() *Step {
	for at := s; at != nil; at = at.Parent {
		if at.Verify != nil {
			return at
		}
	}
	return nil
}
