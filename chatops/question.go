package chatops

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// briefDetail is how many lines of each action's detail a passing view shows.
const briefDetail = 12

// Card is a question as lines of text: what is asked, of whom, who has said
// what, what would be done, what differs from the question before, and how to
// answer. now is for the time that is left; run is how commands name it, empty
// to leave the answers out, and detail is how many lines each action's detail
// may have; 0: all.
func (o Outline) Card(run string, q engine.Question, now time.Time, detail int) []string {
	lines := []string{q.Text + "  " + waitsFor(q, now)}
	if none := touchesNothing(q.Members); none != "" {
		lines = append(lines, "  "+none)
	}
	lines = append(lines, people(q, now)...)
	for _, c := range q.Changed {
		lines = append(lines, "  changed since you were last asked: "+short(c))
	}
	for _, m := range q.Members {
		lines = append(lines, o.member(m, detail)...)
	}
	for _, k := range o.kept(q) {
		lines = append(lines, "  stays changed: "+k)
	}
	if run == "" {
		return lines
	}
	return append(lines, answers(run, q)...)
}

// kept says of each change that would stay why it does.
func (o Outline) kept(q engine.Question) []string {
	lines := make([]string, len(q.Kept))
	for i, k := range q.Kept {
		lines[i] = o.Name(k.Path) + ": " + k.Why
	}
	return lines
}

// Members are the lines of what a run would have done.
func (o Outline) Members(all []engine.Member) []string {
	var lines []string
	for _, m := range all {
		lines = append(lines, o.member(m, briefDetail)...)
	}
	return lines
}

// maxChange is how long what has changed may be in a card, in runes.
const maxChange = 200

func short(text string) string {
	if r := []rune(text); len(r) > maxChange {
		return string(r[:maxChange-1]) + "…"
	}
	return text
}

func waitsFor(q engine.Question, now time.Time) string {
	who := strings.Join(q.Roles, " or ")
	if who == "" {
		who = "nobody: no role may answer"
	}
	switch {
	case q.Frozen != "":
		return "(" + q.Frozen + ")"
	case q.Early:
		return "(waits for " + who + "; the run has not come to it yet)"
	case q.Expires.IsZero():
		return "(waits for " + who + ")"
	}
	return fmt.Sprintf("(waits for %s, %s left)", who, Elapsed(q.Expires.Sub(now)))
}

// people are the lines of a gate about who has answered, who answers for whom,
// and who is asked next.
func people(q engine.Question, now time.Time) []string {
	var lines []string
	if said := Yeses(q); said != "" {
		lines = append(lines, "  "+said)
	}
	if seen := lookers(q); len(seen) > 0 {
		lines = append(lines, "  "+strings.Join(seen, ", ")+" looked at it")
	}
	for _, h := range q.Handed {
		lines = append(lines, fmt.Sprintf("  %s has left the answer to %s", h.By, h.To))
	}
	for _, e := range q.Escalates {
		if !e.Asked {
			return append(lines, fmt.Sprintf("  %s is asked next, in %s", e.Role, Elapsed(e.At.Sub(now))))
		}
	}
	return lines
}

// lookers are those who have looked at a question and said nothing yet.
func lookers(q engine.Question) []string {
	var names []string
	for _, l := range q.Looked {
		said := slices.ContainsFunc(q.Votes, func(y engine.Yes) bool { return y.By == l.By }) ||
			slices.ContainsFunc(q.Handed, func(h engine.Handed) bool { return h.By == l.By })
		if !said {
			names = append(names, l.By)
		}
	}
	return names
}

// Yeses says how many of those that a gate needs have said yes, and who;
// empty where one is enough.
func Yeses(q engine.Question) string {
	if q.Quorum < 2 {
		return ""
	}
	if len(q.Votes) == 0 {
		return fmt.Sprintf("%d people must say yes", q.Quorum)
	}
	return fmt.Sprintf("%d of %d have said yes: %s", len(q.Votes), q.Quorum, Names(q.Votes))
}

// Names are those who said yes, in the order in which they did.
func Names(votes []engine.Yes) string {
	names := make([]string, len(votes))
	for i, y := range votes {
		names[i] = y.By
	}
	return strings.Join(names, ", ")
}

func (o Outline) member(m engine.Member, most int) []string {
	head := fmt.Sprintf("  %s  %s", o.Name(m.Path), m.Action)
	if o.Name(m.Path) == m.Action {
		head = "  " + m.Action
	}
	if m.Affected > 0 || m.Total > 0 {
		head += "  touches " + extent(m.Affected, m.Total, m.Unit)
	}
	lines := []string{head}
	if len(m.OnlyIf) > 0 {
		lines = append(lines, "      only if "+strings.Join(m.OnlyIf, ", and "))
	}
	detail := change(m.Detail)
	for i, line := range detail {
		if most > 0 && i == most-1 && len(detail) > most {
			lines = append(lines, fmt.Sprintf("      … %d lines more; `firebreak runs show` has them", len(detail)-i))
			break
		}
		lines = append(lines, "      "+line)
	}
	switch why, none := strings.CutPrefix(m.Undo, "none: "); {
	case none:
		lines = append(lines, "      no undo: "+why)
	case m.Undo == "":
		lines = append(lines, "      no undo")
	default:
		lines = append(lines, "      undo: "+m.Undo)
	}
	if m.NoPrecond {
		lines = append(lines, "      nothing can check that the target is still the same when it acts")
	}
	return lines
}

// change is the detail of a plan. A difference loses what only a program
// needs: both names of a file that is one, line numbers, and what follows the
// last change.
func change(detail string) []string {
	lines := strings.Split(strings.TrimRight(detail, "\n"), "\n")
	if len(lines) < 3 || !strings.HasPrefix(lines[0], "--- ") || !strings.HasPrefix(lines[1], "+++ ") {
		return lines
	}
	out := []string{strings.TrimPrefix(strings.TrimPrefix(lines[1], "+++ "), "b/")}
	last := len(out)
	for _, line := range lines[2:] {
		if strings.HasPrefix(line, "@@ ") {
			continue
		}
		out = append(out, line)
		if strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") {
			last = len(out)
		}
	}
	return out[:last]
}

// touchesNothing says so of actions of which each plan names what it would
// touch, and none would touch any of it now; else it is empty.
func touchesNothing(members []engine.Member) string {
	var units []string
	for _, m := range members {
		if m.Unit == "" || m.Affected > 0 {
			return ""
		}
		if unit := "no " + m.Unit; !slices.Contains(units, unit) {
			units = append(units, unit)
		}
	}
	if len(units) == 0 {
		return ""
	}
	return "As things are this touches nothing: " + strings.Join(units, ", ") + "."
}

// extent says how much an action touches: "4 of 4 replicas", "1 setting".
func extent(affected, total int, unit string) string {
	if total > 0 {
		return fmt.Sprintf("%d of %d %s", affected, total, unit)
	}
	return amount(affected, unit)
}

func amount(n int, unit string) string {
	if n == 1 {
		return "1 " + strings.TrimSuffix(unit, "s")
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// answers are the commands that answer a question.
func answers(run string, q engine.Question) []string {
	if q.Kind == engine.AskGate && q.Early { // others may be open whose turn has come
		run += " --step " + q.Path
	}
	yes := "  firebreak approve " + run
	if q.Digest != "" { // what is copied is a yes to what was read, and to nothing else
		yes += " --plan " + q.Plan()
	}
	if q.Kind == engine.AskGate && q.Frozen != "" {
		return []string{"  wait for its end, or in an emergency: " + strings.TrimSpace(yes) + " --break-glass REASON", "  firebreak deny " + run + " --reason WHY"}
	}
	if q.Kind == engine.AskGate {
		return []string{yes, "  firebreak deny " + run + " --reason WHY"}
	}
	if q.Kind == engine.AskValue {
		return []string{fmt.Sprintf("  firebreak provide %s %s %s", run, q.Path, strings.ToUpper(q.Value))}
	}
	return []string{fmt.Sprintf("  firebreak resolve %s %s %s", run, q.Path, strings.Join(q.Choices, " | "))}
}

func lastSegment(path string) string {
	return path[strings.LastIndexByte(path, '/')+1:]
}

// Elapsed is a duration as people read it: 0.4 s, 12 s, 3m05s.
func Elapsed(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

// Requester is who started a run: a person or a machine by the name that it has
// in roles, anything else by its kind too.
func Requester(r engine.Requester) string {
	if r.Answers() {
		return r.Name
	}
	return r.Kind + " " + r.Name
}
