package chatops

import "time"

// Card is one message about a run, without a vendor's form: what it shows,
// and what can be pressed on it. All of its text is plain.
type Card struct {
	Title   string
	Brief   string // all of it in one line, for whoever sees no more
	Parts   []Part
	Buttons []Button // none: nothing can be pressed
	Menu    []Button // what is pressed more rarely

	Call []string  // people who are called
	Ping string    // what they are called about, in words with + between; more words call again
	Wake time.Time // when it changes by itself; zero: never
}

// Part is a piece of a card.
type Part struct {
	Title  string
	Text   string
	Code   bool // Text is shown as it is, in a fixed width
	Tail   bool // of a Text that is too long the end is shown
	Small  bool
	Lines  []Line
	Fields []Field
}

// Field is a name and what it stands for.
type Field struct {
	Name, Text string
	At         time.Time // follows the text, as the reader's own time; zero: nothing
	After      string    // follows the time
}

// Button is something to press.
type Button struct {
	Do      Do
	Label   string
	Value   string // opaque; nothing in it is trusted
	Good    bool   // it is what goes on
	Bad     bool   // it is what stops
	Confirm string // asked before; empty: it is not
}

// Do is what a button does.
type Do string

// What buttons do.
const (
	DoApprove Do = "approve"
	DoDeny    Do = "deny"
	DoChoose  Do = "choose" // one of a question's choices, which follows its reference in the value
	DoProvide Do = "provide"
	DoDetails Do = "details"
	DoExtend  Do = "extend"
	DoHand    Do = "hand"
	DoAsk     Do = "ask"
)
