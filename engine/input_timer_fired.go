package engine

// TimerFired answers a [Timer]. Late is normal.
type TimerFired struct{ ID string }

func (TimerFired) isInput() {}
