package cases

import (
	"encoding/json"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// File is a parsed test file. It is immutable: its cases may be played side
// by side.
type File struct {
	Name     string
	Book     *runbook.Runbook // that is tested
	Cases    []*Case
	Triggers []*Trigger
}

// Case is one run, and what must happen.
type Case struct {
	Name string
	File string
	Pos  runbook.Pos

	book      *runbook.Runbook
	index     index
	inputs    map[string]json.RawMessage // nil: those of the trigger
	alert     json.RawMessage            // nil: none
	requester string
	roles     map[string][]string
	stops     []engine.Stop
	start     time.Time
	actions   map[string][]answer // by name of the call
	people    map[string][]say    // by path of the step
	events    []event
	expect    expect
}

// answer is how one call ends.
type answer struct {
	outputs *value // nil: the emptiest
	fail    string // class
	reason  string
	effect  engine.Effect
	takes   time.Duration
	lost    bool
	found   string
	plans   []plan
	receipt *value
	left    string
}

// plan is what a plan says.
type plan struct {
	detail      string
	binding     *value // nil: the input
	fingerprint string // empty: what the target has by itself
	drift       bool
	unit        string
	affected    int
	total       int
	resource    string
	fail        string
	reason      string
}

// say is what one person says when a step is asked about.
type say struct {
	pos        runbook.Pos
	verb       string // approve, deny, answer, value or nobody
	by         string
	choice     string
	value      json.RawMessage
	after      time.Duration
	keep       bool
	reason     string
	breakGlass string
	refused    string
}

// event is something else that happens.
type event struct {
	pos     runbook.Pos
	at      time.Duration
	on      string // name of a call, or path of a step; empty: at
	verb    string
	by      string
	step    string // path
	to      string
	undo    bool
	down    time.Duration
	more    time.Duration
	reason  string
	refused string
}

// expect is what must happen. What is nil does not matter.
type expect struct {
	end     noted
	why     *noted
	path    *list
	ran     *list
	skipped *list
	status  []pair
	changes *list
	undone  *list
	left    *list
	calls   []calls
	asked   *[]asked
	notices []notice
	vars    []field
	outputs *field
	within  *limit
}

// noted is a text with its place in the file.
type noted struct {
	pos  runbook.Pos
	text string
}

// list is texts with their places.
type list struct {
	pos   runbook.Pos
	items []noted
}

// pair is a name and a text.
type pair struct {
	noted
	name string
}

// field is a name and a value.
type field struct {
	pos  runbook.Pos
	name string
	want any
}

type limit struct {
	pos runbook.Pos
	max time.Duration
}

// calls are the calls that are expected under a name: so many, or each with
// an input.
type calls struct {
	pos    runbook.Pos
	name   string
	count  int
	inputs []field // nil: only the count matters
}

// asked is a question that is expected.
type asked struct {
	pos   runbook.Pos
	step  string // path
	kind  engine.QuestionKind
	roles *list
	shows *list
	text  string
}

// notice is one that is expected.
type notice struct {
	pos  runbook.Pos
	to   string
	text string
	page *bool
}
