package chatops

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

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
	if said.Form && strings.TrimSpace(said.Text) == "" {
		c.Verb = "run" // which, is asked
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
		return d.status(ctx, who, c.Args[0])
	case "logs":
		return d.logs(ctx, c)
	case "approve", "deny":
		return d.vote(ctx, who, c, said)
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
	roles := d.Roles(who.Person)
	if len(roles) == 0 {
		return Reply{Text: "You are " + who.Person + ", and have no role: you may start runs and look at them, halt and hold."}
	}
	return Reply{Text: "You are " + who.Person + ", in " + strings.Join(roles, ", ") + ". You may answer what these roles are asked, but not approve what you start yourself."}
}

// vote answers the open gate of a run. A yes that says not to what is none to
// what was asked only after it was said.
func (d *Desk) vote(ctx context.Context, who Speaker, c Command, said Said) (Reply, error) {
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
	if plan := c.Flags["plan"]; plan != "" {
		if other := open[0].Question.OtherPlan(plan); other != "" {
			return Reply{Run: c.Args[0], Text: "That does not count: " + other + ". Look at what it would do now, and say it again."}, nil
		}
	}
	do := DoApprove
	if c.Verb == "deny" {
		do = DoDeny
	}
	if do == DoApprove && open[0].Question.OpenedAt.After(said.At) {
		return Reply{Run: c.Args[0], Text: "Run " + c.Args[0] + " has asked anew since you said that, so it does not count. Look at what it would do now, and say it again."}, nil
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

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
