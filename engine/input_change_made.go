package engine

// ChangeMade tells a run that somebody else has changed its service since it
// began: a deploy, a flag, a setting. It is told once of each.
type ChangeMade struct{ Change ServiceChange }

func (ChangeMade) isInput() {}
