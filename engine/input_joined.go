package engine

// Joined tells a run that another one, which would have done the same, has
// left it to this one.
type Joined struct {
	Run       string // id of the other run
	Requester Requester
}

func (Joined) isInput() {}
