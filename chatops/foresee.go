package chatops

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/forecast"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Section is a part of what is told, under a title that may be empty.
type Section struct {
	Title string
	Lines []Line
}

// Foreseen says what a run would do, for people.
func Foreseen(f *forecast.Forecast) []Section {
	sections := []Section{{Lines: foreseenSteps(f.Steps, "")}}
	if len(f.Undos) > 0 || len(f.OnFailure) > 0 {
		s := Section{Title: "in trouble"}
		names := namesOf(f.Steps, Outline{})
		for _, u := range f.Undos {
			s.Lines = append(s.Lines, Line{Mark: MarkUndo, Name: names.Name(u.Path), Text: or(u.Uses, "stays changed: "+u.None)})
		}
		s.Lines = append(s.Lines, foreseenSteps(f.OnFailure, "")...)
		sections = append(sections, s)
	}
	if len(f.Finally) > 0 {
		sections = append(sections, Section{Title: "last, however it went", Lines: foreseenSteps(f.Finally, "")})
	}
	return append(sections, Section{Title: "in all", Lines: foreseenSums(f)})
}

// namesOf adds what steps are called.
func namesOf(steps []*forecast.Step, to Outline) Outline {
	for _, s := range steps {
		to[s.Path] = NewEntry(s.ID, s.Uses, s.Kind)
		namesOf(s.Steps, to)
		if s.Each != nil && s.Each.Items != nil {
			to.Number(s.Path)
		}
	}
	return to
}

// foreseenSums are the lines about the run as a whole.
func foreseenSums(f *forecast.Forecast) []Line {
	touches := make([]string, len(f.Touches))
	for i, t := range f.Touches {
		touches[i] = amount(t.Affected, t.Unit)
	}
	lines := []Line{{Mark: MarkInfo, Name: "touches", Text: or(strings.Join(touches, ", "), "nothing that is known yet")}}
	if len(f.Locks) > 0 {
		lines = append(lines, Line{Mark: MarkInfo, Name: "locks", Text: strings.Join(f.Locks, ", ")})
	}
	for _, r := range f.Returns {
		text := short(string(r.Value))
		if len(r.Needs) > 0 {
			text = "depends on " + strings.Join(r.Needs, ", ")
		}
		lines = append(lines, Line{Mark: MarkInfo, Name: "returns", Text: r.Name + ": " + text})
	}
	longest := Line{Mark: MarkInfo, Name: "longest", Text: costs(f.Cost.Total)}
	parts := []struct {
		name string
		cost forecast.Cost
	}{{"steps", f.Cost.Steps}, {"trouble", f.Cost.Trouble}, {"finally", f.Cost.Finally}}
	for _, p := range parts {
		if p.cost.Machine > 0 || p.cost.People > 0 {
			longest.Detail = append(longest.Detail, p.name+": "+costs(p.cost))
		}
	}
	for _, why := range f.Cost.Total.NoLimit {
		longest.Detail = append(longest.Detail, "no limit: "+why)
	}
	return append(lines, longest)
}

func costs(c forecast.Cost) string {
	text := round(c.Machine) + " of machines"
	if c.People > 0 {
		text += " and " + round(c.People) + " of people"
	}
	return text
}

// round is a limit as people read it: it is no measurement.
func round(s forecast.Seconds) string {
	d := time.Duration(s)
	if d < time.Minute {
		return d.String()
	}
	text := d.Round(time.Second).String()
	text = strings.TrimSuffix(text, "0s")
	if strings.HasSuffix(text, "h0m") {
		return strings.TrimSuffix(text, "0m")
	}
	if !strings.HasSuffix(text, "m") {
		return d.Round(time.Second).String()
	}
	return text
}

func foreseenSteps(steps []*forecast.Step, indent string) []Line {
	var lines []Line
	for i, s := range steps {
		inside := indent
		if s.Item != nil {
			lines = append(lines, Line{Mark: MarkInfo, Name: fmt.Sprintf("%s%d of %d", indent, i+1, len(steps)), Text: short(string(s.Item))})
			inside += "  "
		}
		if line, told := foreseen(s, indent); told {
			lines = append(lines, line)
			inside += "  "
		}
		if s.Happens != forecast.Skipped {
			lines = append(lines, foreseenSteps(s.Steps, inside)...)
		}
		if line, told := foreseenVerify(s, inside); told {
			lines = append(lines, line)
		}
	}
	return lines
}

// foreseen is the line about one step; a group of which there is nothing to
// say is not told.
func foreseen(s *forecast.Step, indent string) (l Line, told bool) {
	l = Line{Mark: MarkInfo, Name: indent + NewEntry(s.ID, s.Uses, s.Kind).Name}
	if s.Happens == forecast.Skipped {
		l.Mark, l.Text = MarkSkip, "skipped: "+s.Why
		if s.If != nil {
			l.Text += ": " + s.If.Text
			l.Detail = reads(s.If)
		}
		return l, true
	}
	if s.Happens == forecast.Done {
		return done(s, l)
	}
	group := len(s.Steps) > 0 && s.Each == nil && s.Kind != runbook.KindCall
	l.Mark, l.Text = MarkInfo, does(s)
	if s.Mutates {
		l.Mark = MarkChange
	}
	if s.Kind == runbook.KindNotify {
		l.Mark = MarkTell
	}
	if s.Happens == forecast.Depends && s.If != nil {
		l.Text = strings.TrimSpace("depends on " + strings.Join(s.If.Needs, ", ") + "; " + l.Text)
		l.Text = strings.TrimSuffix(l.Text, ";")
		l.Detail = append(l.Detail, "if: "+s.If.Text)
	}
	if s.Failure != nil {
		l.Mark = MarkBad
		l.Text += "; it would fail: " + s.Failure.Class + ": " + s.Failure.Reason
	}
	if s.Gate != nil {
		l.Detail = append(l.Detail, asks(s.Gate)...)
		if !s.Mutates {
			l.Mark = MarkAsk
		}
	}
	l.Detail = append(l.Detail, details(s)...)
	return l, !group || s.If != nil || s.Gate != nil || s.Guard != nil || s.ID != ""
}

// done is the line about what was read now.
func done(s *forecast.Step, l Line) (Line, bool) {
	l.Mark, l.Took, l.Text = MarkGood, time.Duration(s.Seconds), summary(s.Outputs)
	switch {
	case s.Failure != nil:
		l.Mark, l.Text = MarkBad, s.Failure.Class+": "+s.Failure.Reason
	case s.Kind == runbook.KindSet || len(s.Steps) > 0:
		return l, false
	}
	return l, true
}

// does is what a step would do.
func does(s *forecast.Step) string {
	switch {
	case s.Kind == runbook.KindAction && s.Mutates:
		text := "would change with " + s.Uses
		if s.Plan != nil && (s.Plan.Affected > 0 || s.Plan.Total > 0) {
			text += ", touches " + extent(s.Plan.Affected, s.Plan.Total, s.Plan.Unit)
		}
		return text + unknown(s.Needs)
	case s.Kind == runbook.KindAction:
		return "would read " + s.Uses + unknown(s.Needs)
	case s.Kind == runbook.KindNotify:
		return "would tell " + s.To + ": " + or(s.Text, "a text"+unknown(s.Needs))
	case s.Kind == runbook.KindFail:
		return "would fail the run: " + or(s.Text, "for a reason"+unknown(s.Needs))
	case s.Kind == runbook.KindAsk:
		return "would ask for a value (" + s.Value + "): " + or(s.Text, "a text"+unknown(s.Needs))
	case s.Kind == runbook.KindSet:
		return "would set " + strings.Join(s.Set, ", ") + unknown(s.Needs)
	case s.Each != nil && s.Each.Items == nil:
		return "would be done for each item of what" + unknown(s.Each.Needs)[len(" that"):]
	case s.Each != nil:
		return "would be done for " + amount(*s.Each.Items, "items")
	case s.Kind == runbook.KindCall:
		return "would call " + s.Call + unknown(s.Needs)
	case s.Wait != nil && s.Wait.Uses == "":
		return "would wait " + round(s.Wait.For)
	case s.Wait != nil:
		return fmt.Sprintf("would wait until %s, read from %s, for at most %s", s.Wait.Until, s.Wait.Uses, round(s.Wait.Within))
	case s.Gate != nil:
		return "would ask"
	default:
		return ""
	}
}

func unknown(needs []string) string {
	if len(needs) == 0 {
		return ""
	}
	return " that depends on " + strings.Join(needs, ", ")
}

// asks is who would be asked, in their order.
func asks(g *forecast.Gate) []string {
	var lines []string
	for i, r := range g.Roles {
		word := "asks"
		if i > 0 {
			word = "then"
		}
		glass := ""
		if r.BreakGlass {
			glass = ", who may break the glass"
		}
		lines = append(lines, fmt.Sprintf("%s %s for %s: %s%s", word, r.Role, round(r.For), or(strings.Join(r.People, ", "), "nobody is in it"), glass))
	}
	silence := map[string]string{"abort": "silence ends the run", "skip": "silence skips it"}[g.OnExpiry]
	if g.Quorum > 1 {
		silence = fmt.Sprintf("%d people must say yes; %s", g.Quorum, silence)
	}
	if !g.Self {
		silence += "; not by whoever starts the run"
	}
	return append(lines, silence)
}

// details are the lines below a step: its plan, guard and undo.
func details(s *forecast.Step) []string {
	var lines []string
	if s.Plan != nil {
		lines = append(lines, change(s.Plan.Detail)...)
		if len(s.Plan.Behind) > 0 {
			lines = append(lines, "as things are now; "+strings.Join(s.Plan.Behind, ", ")+" changes the same before")
		}
		if s.Plan.NoPrecondition {
			lines = append(lines, "nothing can check that the target is still the same when it acts")
		}
	}
	if g := s.Guard; g != nil {
		lines = append(lines, "guard: "+g.That+", read from "+g.Uses+guardNow(g))
	}
	if s.Undo != nil {
		if s.Undo.None != "" {
			lines = append(lines, "no undo: "+s.Undo.None)
		} else {
			lines = append(lines, "undo: "+undoing(s.Undo))
		}
	}
	if s.Retries > 0 {
		lines = append(lines, fmt.Sprintf("tried again at most %s", amount(s.Retries, "times")))
	}
	return lines
}

func guardNow(g *forecast.Guard) string {
	switch {
	case g.Failure != "":
		return ": " + g.Failure
	case len(g.Needs) > 0:
		return "; depends on " + strings.Join(g.Needs, ", ")
	case g.Now == nil:
		return ""
	case *g.Now:
		return "; holds now"
	default:
		return "; does not hold now"
	}
}

func undoing(u *forecast.Undo) string {
	switch {
	case len(u.Needs) > 0:
		return u.Uses + " with what depends on " + strings.Join(u.Needs, ", ")
	case u.Input != nil:
		return u.Uses + " with " + short(string(u.Input))
	case u.Receipt != nil:
		return u.Uses + " with " + short(string(u.Receipt))
	default:
		return u.Uses + " with what the change returns"
	}
}

func foreseenVerify(s *forecast.Step, indent string) (Line, bool) {
	v := s.Verify
	if v == nil || s.Happens == forecast.Skipped || s.Happens == forecast.Done {
		return Line{}, false
	}
	l := Line{Mark: MarkInfo, Name: indent + "verify"}
	if v.None != "" {
		l.Text = fmt.Sprintf("none, says %s until %s: %s", v.Owner, v.LastDay, v.None)
		return l, true
	}
	l.Text = fmt.Sprintf("would read %s until %s", v.Uses, v.Until)
	if v.For > 0 {
		l.Text += " for " + round(v.For)
	}
	l.Text += ", within " + round(v.Within) + "; else " + map[string]string{"undo": "undo", "keep": "fail and keep", "ask": "a person decides"}[v.OnFail]
	if len(v.Needs) > 0 {
		l.Text += "; depends on " + strings.Join(v.Needs, ", ")
	}
	return l, true
}

// reads are the values that a condition has read.
func reads(c *forecast.Condition) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(c.Reads)) {
		raw, err := json.Marshal(c.Reads[name])
		if err != nil {
			raw = []byte("?")
		}
		lines = append(lines, name+" is "+short(string(raw)))
	}
	return lines
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
