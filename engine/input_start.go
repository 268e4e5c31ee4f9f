package engine

// Start begins a run. It is the first input of every run.
type Start struct {
	Facts Facts
}

func (Start) isInput() {}
