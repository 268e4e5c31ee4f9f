package engine

// Barred tells a run that a rule bars it from changes. It counts while the run
// has begun none: what has begun goes on to its end.
type Barred struct{ Bar Bar }

func (Barred) isInput() {}
