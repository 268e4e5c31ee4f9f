package chatops

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// lookAll is the runbook of diagnose.
const lookAll = "look-at-everything"

// listed is how many runs are listed.
const listed = 10

// Said is a command that somebody wrote, and what tells it from another one.
type Said struct {
	Text string
	Key  string // of the delivery: the same when it comes again
	At   time.Time
	Form bool // a form can be shown
}

func (s Said) wish(who Speaker) Wish { return Wish{By: who.Person, Key: s.Key, At: s.At} }

// Do answers what somebody wrote. Its error is as that of [Desk.Press].
func (d *Desk) Do(ctx context.Context, who Speaker, said Said) (Reply, error) {
	c, err := ParseCommand(said.Text)
	if wrong, ok := errors.AsType[*CommandError](err); ok {
		return Reply{Text: sentence(wrong.Error())}, nil
	}
	if c.Verb == "help" {
		return d.help(c), nil
	}
	if c.Verb == "who" {
		return d.who(who), nil
	}
	if who.Person == "" {
		return Reply{Text: sentence(who.Refusal)}, nil
	}
	if begins(c) && d.isOld(said) {
		return tooLate, nil
	}
	reply, err := d.command(ctx, who, c, said)
	if err != nil && !unavailable(err) {
		return Reply{Text: sentence(explain(err))}, nil
	}
	return reply, err
}

// goodFor is how long what somebody has said holds: who has waited longer, for
// a daemon that was down, may have done something else since.
const goodFor = 10 * time.Minute

func (d *Desk) isOld(said Said) bool { return d.Now().Sub(said.At) > goodFor }

var tooLate = Reply{Text: "That was said more than ten minutes ago and is heard only now, so it is not done. Say it again if it still holds."}

// begins reports whether a command sets something going, which halts and
// answers to questions do not.
func begins(c Command) bool {
	_, lift := c.Flags["lift"]
	return lift || slices.Contains([]string{"run", "diagnose", "retry", "cancel"}, c.Verb)
}

func (d *Desk) command(ctx context.Context, who Speaker, c Command, said Said) (Reply, error) {
	switch c.Verb {
	case "run":
		return d.run(ctx, who, c, said)
	case "diagnose":
		c.Args, c.Named = []string{lookAll}, map[string]string{"service": c.Args[0]}
		return d.run(ctx, who, c, said)
	case "plan":
		return d.plan(ctx, who, c)
	case "list":
		return d.list(c), nil
	case "show":
		return d.show(c)
	case "runs":
		return d.runs(ctx, who, c)
	case "status":
		return d.status(ctx, c.Args[0])
	case "logs":
		return d.logs(ctx, c)
	case "approve", "deny":
		return d.vote(ctx, who, c)
	case "cancel":
		_, undo := c.Flags["undo"]
		err := d.Runs.Give(ctx, c.Args[0], engine.Cancel{By: who.Person, Reason: rest(c.Args, 1), Undo: undo})
		return Reply{Run: c.Args[0], Text: "Run " + c.Args[0] + " stops before its next change."}, err
	case "retry":
		run, err := d.Starts.Retry(ctx, said.wish(who), c.Args[0], c.Flags["from"])
		return Reply{Run: run, Text: "Run " + run + " goes on where " + c.Args[0] + " did not."}, err
	default:
		return d.stop(ctx, who, c)
	}
}

func rest(args []string, from int) string { return strings.Join(args[min(from, len(args)):], " ") }

func (d *Desk) help(c Command) Reply {
	if len(c.Args) > 0 {
		v, ok := verbOf(strings.ToLower(c.Args[0]))
		if !ok {
			return Reply{Text: "There is no command " + c.Args[0] + "; help lists them."}
		}
		return Reply{Text: v.What, Code: d.Command + " " + v.Usage()}
	}
	var b strings.Builder
	for _, v := range verbs {
		fmt.Fprintf(&b, "%s %s\n    %s\n", d.Command, v.Usage(), v.What)
	}
	return Reply{Text: "What I understand. In a thread, mention me instead of " + d.Command + ".", Code: b.String()}
}

func (d *Desk) who(who Speaker) Reply {
	if who.Person == "" {
		return Reply{Text: sentence(who.Refusal)}
	}
	var roles []string
	for _, role := range sortedKeys(d.Roles) {
		if slices.Contains(d.Roles[role], who.Person) {
			roles = append(roles, role)
		}
	}
	if len(roles) == 0 {
		return Reply{Text: "You are " + who.Person + ", and have no role: you may start runs and look at them, halt and hold."}
	}
	return Reply{Text: "You are " + who.Person + ", in " + strings.Join(roles, ", ") + ". You may answer what these roles are asked, but not approve what you start yourself."}
}

// book finds a runbook by its name.
func (d *Desk) book(name string) (*runbook.Runbook, error) {
	var names []string
	for _, b := range d.Starts.Books() {
		if b.Name == name {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return nil, &CommandError{"there is no runbook " + name, or(expr.Suggest(name, names), d.Command+" list lists them")}
}

// run starts a runbook, or asks for what it needs.
func (d *Desk) run(ctx context.Context, who Speaker, c Command, said Said) (Reply, error) {
	if len(c.Args) == 0 {
		f := Form{Do: DoPick, Title: "Run a runbook", Submit: "Next", Fields: []FormField{{Name: "runbook", Label: "Which", Choices: d.names()}}}
		if !said.Form {
			return Reply{Text: "Write which one: " + strings.Join(d.names(), ", ") + "."}, nil
		}
		return Reply{Form: &f}, nil
	}
	b, err := d.book(c.Args[0])
	if err != nil {
		return Reply{}, err
	}
	inputs, wrong := d.inputs(b, c.Named)
	for _, name := range slices.Sorted(maps.Keys(c.Named)) {
		if !slices.ContainsFunc(b.Inputs, func(in runbook.Input) bool { return in.Name == name }) {
			return Reply{}, &CommandError{b.Name + " has no input " + name, "it has " + or(strings.Join(inputNames(b), ", "), "none")}
		}
	}
	if len(wrong) > 0 && said.Form {
		f := d.inputForm(b, c.Named)
		return Reply{Form: &f}, nil
	}
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		return Reply{}, &CommandError{"input " + name + ": " + wrong[name], "write run " + b.Name + " " + name + "=VALUE"}
	}
	return d.start(ctx, who, b, inputs, said)
}

func (d *Desk) start(ctx context.Context, who Speaker, b *runbook.Runbook, inputs map[string]json.RawMessage, said Said) (Reply, error) {
	run, err := d.Starts.Start(ctx, said.wish(who), b, inputs)
	return Reply{Run: run, Text: "Run " + run + " of " + b.Name + " has begun."}, err
}

func inputNames(b *runbook.Runbook) []string {
	names := make([]string, len(b.Inputs))
	for i, in := range b.Inputs {
		names[i] = in.Name
	}
	return names
}

func (d *Desk) names() []string {
	var names []string
	for _, b := range d.Starts.Books() {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return names
}

// inputs are the inputs of a runbook as they were typed; wrong says what is
// not as it should be, by name.
func (d *Desk) inputs(b *runbook.Runbook, given map[string]string) (inputs map[string]json.RawMessage, wrong map[string]string) {
	inputs, wrong = map[string]json.RawMessage{}, map[string]string{}
	for _, in := range b.Inputs {
		text, ok := given[in.Name]
		switch {
		case !ok || strings.TrimSpace(text) == "":
			if in.Required {
				wrong[in.Name] = "it is needed"
			}
			continue
		case in.Service && !slices.Contains(d.Services, text):
			wrong[in.Name] = or(expr.Suggest(text, d.Services), "there is no such service")
			continue
		}
		raw, err := json.Marshal(text)
		if err == nil {
			if _, bad := in.Type.Decode(raw); bad != nil && json.Valid([]byte(text)) {
				raw = json.RawMessage(text)
			}
			_, err = in.Type.Decode(raw)
		}
		if err != nil {
			wrong[in.Name] = err.Error()
			continue
		}
		inputs[in.Name] = raw
	}
	return inputs, wrong
}

// inputForm asks for the inputs of a runbook; given is what was typed already.
func (d *Desk) inputForm(b *runbook.Runbook, given map[string]string) Form {
	f := Form{Do: DoRun, Value: b.Name, Title: "Run a runbook", Submit: "Run", Text: b.Name + ": " + b.Title}
	for _, in := range b.Inputs {
		field := FormField{Name: in.Name, Label: in.Name, Hint: or(in.Doc, in.Type.String()), Initial: given[in.Name], Optional: !in.Required}
		if field.Initial == "" && in.Default != nil {
			field.Initial = fmt.Sprint(in.Default)
		}
		switch {
		case in.Service:
			field.Choices = d.Services
		case in.Type.String() == "boolean":
			field.Choices = []string{"true", "false"}
		}
		f.Fields = append(f.Fields, field)
	}
	return f
}

// Check says what is wrong with what somebody has filled in, by field; nothing
// when it can be sent. It blocks on nothing.
func (d *Desk) Check(do Do, value string, filled map[string]string) map[string]string {
	if do != DoRun {
		return nil
	}
	b, err := d.book(value)
	if err != nil {
		return nil
	}
	_, wrong := d.inputs(b, filled)
	return wrong
}

// Next is the form that follows one, at once; nil: none does.
func (d *Desk) Next(do Do, filled map[string]string) *Form {
	if do != DoPick {
		return nil
	}
	b, err := d.book(filled["runbook"])
	if err != nil {
		return nil
	}
	f := d.inputForm(b, nil)
	return &f
}

// Submit answers what somebody has filled in.
func (d *Desk) Submit(ctx context.Context, who Speaker, do Do, value string, filled map[string]string, said Said) (Reply, error) {
	if do == DoRun {
		if who.Person == "" {
			return Reply{Text: sentence(who.Refusal)}, nil
		}
		if d.isOld(said) {
			return tooLate, nil
		}
		reply, err := d.run(ctx, who, Command{Verb: "run", Args: []string{value}, Named: filled}, said)
		if err != nil && !unavailable(err) {
			return Reply{Text: sentence(explain(err))}, nil
		}
		return reply, err
	}
	s, a, reply, err := d.find(ctx, value)
	if a == nil || err != nil {
		return reply, err
	}
	if late, ok := d.late(s, a, who, do, filled["value"]); ok {
		return late, nil
	}
	return d.say(ctx, s, a, who, do, filled)
}

func (d *Desk) plan(ctx context.Context, who Speaker, c Command) (Reply, error) {
	b, err := d.book(c.Args[0])
	if err != nil {
		return Reply{}, err
	}
	inputs, wrong := d.inputs(b, c.Named)
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		return Reply{}, &CommandError{"input " + name + ": " + wrong[name], "write plan " + b.Name + " " + name + "=VALUE"}
	}
	f, err := d.Starts.Plan(ctx, who.Person, b, inputs)
	if err != nil {
		return Reply{}, err
	}
	var text strings.Builder
	for _, s := range Foreseen(f) {
		if s.Title != "" {
			text.WriteString(s.Title + "\n")
		}
		for _, l := range s.Lines {
			text.WriteString(lineText(l))
		}
	}
	return Reply{Text: "What a run of " + b.Name + " would do now. Nothing was changed.", Code: text.String()}, nil
}

// lineText is a line, and what is below it, without colours.
func lineText(l Line) string {
	text := strings.TrimRight(fmt.Sprintf("%-16s %s", l.Name, l.Text), " ")
	if l.Took > 0 {
		text += " (" + Elapsed(l.Took) + ")"
	}
	return strings.Join(append([]string{text}, l.Detail...), "\n    ") + "\n"
}

func (d *Desk) list(c Command) Reply {
	word := strings.ToLower(rest(c.Args, 0))
	var b strings.Builder
	books := slices.SortedFunc(slices.Values(d.Starts.Books()), func(a, b *runbook.Runbook) int { return cmp.Compare(a.Name, b.Name) })
	for _, book := range books {
		if strings.Contains(strings.ToLower(book.Name+" "+book.Title), word) {
			fmt.Fprintf(&b, "%-28s %s\n", book.Name, book.Title)
		}
	}
	if b.Len() == 0 {
		return Reply{Text: "No runbook has " + word + " in its name or title."}
	}
	return Reply{Text: "Runbooks:", Code: b.String()}
}

func (d *Desk) show(c Command) (Reply, error) {
	b, err := d.book(c.Args[0])
	if err != nil {
		return Reply{}, err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "owner   %s\n", b.Owner)
	for _, in := range b.Inputs {
		need := "may be left out"
		if in.Required {
			need = "needed"
		}
		fmt.Fprintf(&text, "input   %s: %s, %s  %s\n", in.Name, in.Type.String(), need, in.Doc)
	}
	for _, s := range b.All() {
		if asking := s.Asking(); asking != nil {
			var of []string
			for _, r := range asking.Of {
				of = append(of, r.Role+" for "+round2(r.For))
			}
			fmt.Fprintf(&text, "asks    %s at %s; silence: %s\n", strings.Join(of, ", then "), NewEntry(s.ID, s.Uses, s.Kind).Name, asking.OnExpiry)
		}
		if s.Mutates() {
			fmt.Fprintf(&text, "changes %s\n", s.Uses)
		}
	}
	return Reply{Text: b.Name + ": " + b.Title, Code: text.String()}, nil
}

func (d *Desk) runs(ctx context.Context, who Speaker, c Command) (Reply, error) {
	_, open := c.Flags["open"]
	_, mine := c.Flags["mine"]
	_, failed := c.Flags["failed"]
	all, err := d.Runs.List(ctx, open, 20*listed)
	if err != nil {
		return Reply{}, err
	}
	var b strings.Builder
	n := 0
	for _, r := range all {
		if mine && r.Requester.Name != who.Person || failed && r.Word != engine.FailedClean && r.Word != engine.FailedDirty {
			continue
		}
		if n++; n > listed {
			break
		}
		fmt.Fprintf(&b, "%s  %-24s %-12s %-22s %s\n", r.ID, r.Runbook, r.Service, r.State, Requester(r.Requester))
	}
	if n == 0 {
		return Reply{Text: "There are no such runs."}, nil
	}
	return Reply{Text: "The last runs:", Code: b.String()}, nil
}

func (d *Desk) status(ctx context.Context, run string) (Reply, error) {
	s, err := d.Story(ctx, run)
	if err != nil {
		return Reply{}, err
	}
	c := s.Board()
	c.Call, c.Ping = nil, ""
	for _, a := range s.Asks() {
		c.Parts = append(c.Parts, Part{Small: true, Text: a.Name + " asks " + strings.Join(a.Roles, " or ") + ": " + d.Command + " approve " + run + " --step " + a.Path})
	}
	return Reply{Card: &c, Run: run}, nil
}

func (d *Desk) logs(ctx context.Context, c Command) (Reply, error) {
	s, err := d.Story(ctx, c.Args[0])
	if err != nil {
		return Reply{}, err
	}
	step := rest(c.Args, 1)
	var b strings.Builder
	for _, t := range s.Lines {
		if step == "" || t.Name == step {
			b.WriteString(t.At.UTC().Format("15:04:05") + "  " + lineText(t.Line))
		}
	}
	if b.Len() == 0 {
		return Reply{Text: "Nothing was told of " + or(step, "it") + " yet."}, nil
	}
	return Reply{Text: "Run " + c.Args[0] + ":", Code: b.String(), Run: c.Args[0]}, nil
}

// vote answers the open gate of a run.
func (d *Desk) vote(ctx context.Context, who Speaker, c Command) (Reply, error) {
	s, err := d.Story(ctx, c.Args[0])
	if err != nil {
		return Reply{}, err
	}
	var open []*Asked
	var steps []string
	for _, a := range s.Asks() {
		if a.Question.Kind == engine.AskGate && (c.Flags["step"] == "" || c.Flags["step"] == a.Path || c.Flags["step"] == a.Name) {
			open, steps = append(open, a), append(steps, a.Path)
		}
	}
	switch {
	case len(open) == 0 && len(s.Waits()) > 0 && c.Flags["step"] == "":
		last := s.Asked[len(s.Asked)-1]
		return Reply{Run: c.Args[0], Text: "Nothing of run " + c.Args[0] + " waits for a yes: of " + last.Name + ", " + s.Answer(last, d.Now()) + "."}, nil
	case len(open) == 0:
		return Reply{Run: c.Args[0], Text: "Nothing of run " + c.Args[0] + " waits for a yes."}, nil
	case len(open) > 1:
		return Reply{}, &CommandError{"run " + c.Args[0] + " asks about " + strings.Join(steps, " and "), "add --step " + steps[0]}
	}
	do := DoApprove
	if c.Verb == "deny" {
		do = DoDeny
	}
	return d.say(ctx, s, open[0], who, do, map[string]string{"reason": rest(c.Args, 1), "break-glass": c.Flags["break-glass"]})
}

func (d *Desk) stop(ctx context.Context, who Speaker, c Command) (Reply, error) {
	_, lift := c.Flags["lift"]
	kind, service, reason := engine.StopHalt, c.Flags["service"], rest(c.Args, 0)
	if c.Verb == "hold" {
		kind, service, reason = engine.StopHold, c.Args[0], rest(c.Args, 1)
	}
	if err := d.Stops.Order(ctx, who.Person, kind, service, reason, !lift); err != nil {
		return Reply{}, err
	}
	of := or(service, "everything")
	if lift {
		return Reply{Text: "The " + string(kind) + " of " + of + " is lifted. What it voided is asked again."}, nil
	}
	return Reply{Text: "No run changes anything of " + of + " any more, until it is lifted: " + d.Command + " " + c.Verb + " … --lift."}, nil
}

func round2(t time.Duration) string { return strings.TrimSuffix(t.String(), "0s") }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
