package engine

// UndoRun stops a run that has not ended and undoes all that it changed,
// verified or not, also under a halt that stood when it was asked for. A run
// that has ended is undone by a new run: see [Facts.UndoOf].
type UndoRun struct {
	By     string
	Reason string
}

func (UndoRun) isInput() {}

// Who implements [Person].
func (u UndoRun) Who() string { return u.By }
