package engine

// Skip passes over a step, a group before its first intent, a verify (which
// accepts it by name), or an undo.
type Skip struct {
	By     string
	Path   string // of the step; its id will do
	Reason string
}

func (Skip) isInput() {}

// Who implements [Person].
func (s Skip) Who() string { return s.By }
