package engine

// Freeze tells a run that a rule of the configuration holds changes back:
// peak hours, holidays, a storm of alerts. It acts before the first intent
// under a gate only: what has begun goes on, undos are never held back, and
// the gate is passed by who breaks the glass. A [Lift] of the kind
// [StopFreeze], by the rule, ends it.
type Freeze struct {
	Stop Stop // By is the rule
}

func (Freeze) isInput() {}
