package plugins

// LastLook is a line for the Detail of a plan whose target can only be looked
// at and then written: Run compares with Call.Expect, but what somebody else
// writes after that look it cannot see. It belongs where that is true, near
// the top, since a card shows the first lines of a detail.
const LastLook = "a change by somebody else in the instant between the last look and this write would be overwritten unseen"
