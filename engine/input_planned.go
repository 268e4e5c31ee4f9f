package engine

// Planned answers a [PlanCall].
type Planned struct {
	ID      string
	Plan    Plan
	Failure *Failure // set: the plan could not be made
}

func (Planned) isInput() {}
