package engine

// LookedAt tells a run that somebody looks at an open question. It is recorded
// once of each person who may answer; of others, and of a question that is
// closed, nothing is.
type LookedAt struct {
	By       string
	Question string
	Via      Via
}

func (LookedAt) isInput() {}
