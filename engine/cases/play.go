package cases

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// maxInputs bounds what one case may take: a run that goes on for longer
// never ends.
const maxInputs = 20_000

// Result is how a case went.
type Result struct {
	Case     *Case
	Failures []Failure // none: it passed
	Records  []engine.Record
	Run      engine.Run
	Took     time.Duration // by the virtual clock
}

// Failure is what did not happen as it must.
type Failure struct {
	Pos  runbook.Pos
	What string
	Hint string
}

// Play plays a case against the engine in memory, and compares what happened
// with what must. It blocks until the run has ended or nothing comes any more;
// cases may be played side by side.
func (c *Case) Play() Result {
	p := &player{
		c: c, run: engine.New(c.book), now: c.start, open: map[string]bool{},
		next: map[string]int{}, planned: map[string]int{}, reading: map[string]string{}, said: map[string]*speaker{}, seen: map[string]bool{},
	}
	p.play()
	if len(p.failures) == 0 {
		p.judge()
	}
	slices.SortStableFunc(p.failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return Result{Case: c, Failures: p.failures, Records: p.records, Run: p.run, Took: p.now.Sub(c.start)}
}

// player plays one case.
type player struct {
	c       *Case
	run     engine.Run
	now     time.Time
	records []engine.Record

	open    map[string]bool   // ids of the commands that are open
	due     []due             // what comes, in no order
	n       int               // numbers what comes
	next    map[string]int    // by name of the call: which answer is next
	reading map[string]string // by id of the command: under which name the answer to a read stands
	planned map[string]int    // by name of the call: which plan of that answer is next
	said    map[string]*speaker
	seen    map[string]bool // names of calls and steps that have begun
	calls   []call

	failures []Failure
}

// call is one call of an action that was made.
type call struct {
	keys  []string
	input json.RawMessage
}

// due is something that comes at a time.
type due struct {
	at   time.Time
	rank int // of what comes at the same time
	n    int
	id   string // of the command that it answers; empty: none
	give func() engine.Input
	pos  runbook.Pos // of what somebody says
	text string      // that a refusal must hold
}

// Ranks of what comes at the same time: people's votes count before expiries.
const (
	rankEvent = iota
	rankAnswer
	rankAt // an event at a time: after all else that happens then
	rankTimer
)

func (p *player) failf(at runbook.Pos, hint, format string, args ...any) {
	p.failures = append(p.failures, Failure{at, fmt.Sprintf(format, args...), hint})
}

func (p *player) play() {
	facts, err := p.facts()
	if err != nil {
		p.failf(p.c.Pos, "", "the run does not begin: %v", err)
		return
	}
	for _, e := range p.c.events {
		if e.on == "" {
			p.happen(e, p.c.start.Add(e.at), rankAt)
		}
	}
	p.give(due{give: func() engine.Input { return engine.Start{Facts: facts} }})
	for n := 0; len(p.failures) == 0; n++ {
		if n == maxInputs {
			p.failf(p.c.Pos, "", "the run never ends: %d things have happened", n)
			return
		}
		d, ok := p.take()
		if !ok {
			return
		}
		if d.at.After(p.now) {
			p.now = d.at
		}
		p.give(d)
	}
}

// take removes the first of what comes.
func (p *player) take() (due, bool) {
	first := -1
	for i := range p.due {
		if first < 0 || p.due[i].before(p.due[first]) {
			first = i
		}
	}
	if who, says := p.voice(); who != nil && (first < 0 || says.before(p.due[first])) {
		who.next++
		who.last = says.at
		return says, true
	}
	if first < 0 {
		return due{}, false
	}
	d := p.due[first]
	p.due = slices.Delete(p.due, first, first+1)
	return d, true
}

func (d due) before(other due) bool {
	return cmp.Or(d.at.Compare(other.at), cmp.Compare(d.rank, other.rank), cmp.Compare(d.n, other.n)) < 0
}

func (p *player) later(d due) {
	p.n++
	d.n = p.n
	p.due = append(p.due, d)
}

// give gives the run one input, and sees to what is open then.
func (p *player) give(d due) {
	in := d.give()
	if in == nil {
		return
	}
	run, recs, err := engine.Advance(p.run, in, p.now)
	p.run, p.records = run, append(p.records, recs...)
	for _, rec := range recs {
		p.stepBegan(rec.Event)
	}
	p.refusal(d, in, err)
	p.reconcile()
}

// refusal compares what became of a person's word with what must.
func (p *player) refusal(d due, in engine.Input, err error) {
	var start *engine.StartError
	var refused *engine.Refusal
	switch {
	case errors.As(err, &start):
		p.failf(p.c.Pos, "", "the run does not begin: %s", start.Reason)
	case errors.As(err, &refused) && d.text == "":
		p.failf(d.pos, "", "%s was refused: %s", word(in), refused.Reason)
	case errors.As(err, &refused) && !strings.Contains(refused.Reason, d.text):
		p.failf(d.pos, "", "%s was refused for another reason: %s", word(in), refused.Reason)
	case err == nil && d.text != "":
		p.failf(d.pos, "", "%s was not refused", word(in))
	}
}

// word names what a person said.
func word(in engine.Input) string {
	who := ""
	if person, ok := in.(engine.Person); ok {
		who = " by " + person.Who()
	}
	name := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", in), "engine."))
	if v, ok := in.(engine.Vote); ok {
		if name = "deny"; v.Approve {
			name = "approve"
		}
	}
	return name + who
}

// reconcile begins what should be open and is not, and drops what no longer
// should.
func (p *player) reconcile() {
	start, stop := engine.Reconcile(p.open, engine.Pending(p.run))
	for _, id := range stop {
		delete(p.open, id)
		p.due = slices.DeleteFunc(p.due, func(d due) bool { return d.id == id })
	}
	for _, cmd := range start {
		p.open[cmd.CommandID()] = true
		p.begin(cmd)
	}
}

// facts is what the run is started with.
func (p *player) facts() (engine.Facts, error) {
	c, book := p.c, p.c.book
	f := engine.Facts{
		ID: "test", Runbook: book.Name, Inputs: c.inputs, Alert: c.alert, Environment: "test", Owner: "owner",
		Requester: engine.Requester{Kind: "person", Name: cmp.Or(c.requester, "requester")},
		Roles:     map[string]engine.Role{}, Resources: map[string]string{}, Generation: 1, Rules: engine.Rules,
		Pins: engine.Pins{Runbook: book.Digest},
	}
	if c.alert != nil && c.requester == "" {
		f.Requester = engine.Requester{Kind: "alert", Name: "alert"}
	}
	if book.Service != nil {
		v, err := book.Service.Eval(expr.Vars{"inputs": p.inputs()})
		if err != nil {
			return f, fmt.Errorf("its service: %w", err)
		}
		f.Service = fmt.Sprint(v)
	}
	for _, s := range c.stops {
		if s.Kind == engine.StopHold {
			s.Service = f.Service
		}
		s.At = c.start
		f.Stops = append(f.Stops, s)
	}
	for _, action := range c.index.actions {
		if action.Capability != "" {
			f.Resources[action.Capability] = action.Capability + ":" + f.Service
		}
	}
	everybody := p.everybody()
	for _, s := range book.All() {
		asking := s.Asking()
		if asking == nil {
			continue
		}
		for _, of := range asking.Of {
			if people, ok := c.roles[of.Role]; ok {
				f.Roles[of.Role] = engine.Role{People: people, BreakGlass: true}
			} else {
				f.Roles[of.Role] = engine.Role{People: everybody, BreakGlass: true}
			}
		}
	}
	return f, nil
}

func (p *player) inputs() map[string]any {
	in := map[string]any{}
	for _, decl := range p.c.book.Inputs {
		in[decl.Name] = decl.Default
		if raw, ok := p.c.inputs[decl.Name]; ok {
			if v, err := decl.Type.Decode(raw); err == nil {
				in[decl.Name] = v
			}
		}
	}
	return in
}

// everybody is who says something in the case, and enough others that every
// quorum can be reached.
func (p *player) everybody() []string {
	names := map[string]bool{}
	most := 1
	for _, script := range p.c.people {
		for _, s := range script {
			names[s.by] = s.by != ""
		}
	}
	for _, e := range p.c.events {
		names[e.by] = e.by != ""
		if e.verb == "hand" {
			names[e.to] = e.to != ""
		}
	}
	delete(names, "")
	for _, s := range p.c.book.All() {
		if s.Approve != nil {
			most = max(most, s.Approve.Quorum)
		}
	}
	all := sortedKeys(names)
	for n := range most {
		all = append(all, fmt.Sprintf("on-call-%d", n+1))
	}
	return all
}
