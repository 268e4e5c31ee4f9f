package main

import (
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	bold, red, green, faint = "1", "31", "32", "2"

	// fewest columns that a diagnosis is written in, and what it is where the
	// terminal says nothing.
	narrowest, usualWidth = 60, 100

	// mostRuledOut and mostOthers keep the answer on one screen; --json has
	// all.
	mostRuledOut = 5
	mostOthers   = 3
)

// sheet writes a diagnosis for people.
type sheet struct {
	*app
	columns int
}

// showDiagnosis writes the answer on one screen.
func (a *app) showDiagnosis(d diagnosis) {
	s := sheet{a, usualWidth}
	if a.width > 0 {
		s.columns = max(narrowest, a.width)
	}
	s.title(d)
	s.use(d)
	s.cause(d)
	s.others(d)
	s.missing(d)
}

func (s sheet) paint(color, text string) string {
	if !s.color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// line writes a label and a text that is wrapped beside it. What comes from
// outside cannot steer the terminal.
func (s sheet) line(label, color, text string) {
	const beside = 14
	room := s.columns - beside
	first := true
	for _, part := range wrapped(chatops.Plain(text), room) {
		head := strings.Repeat(" ", beside)
		if first {
			head = s.paint(color, fmt.Sprintf("  %-*s", beside-2, label))
		}
		first = false
		s.printf("%s%s\n", head, part)
	}
}

// wrapped breaks a text at spaces.
func wrapped(text string, room int) []string {
	var lines []string
	now, length := "", 0
	for word := range strings.FieldsSeq(text) {
		size := len([]rune(word))
		if length > 0 && length+1+size > room {
			lines, now, length = append(lines, now), "", 0
		}
		if length > 0 {
			now, length = now+" ", length+1
		}
		now, length = now+word, length+size
	}
	return append(lines, now)
}

func (s sheet) title(d diagnosis) {
	name := d.Service
	if d.Environment != "" {
		name += " (" + d.Environment + ")"
	}
	var read []string
	for _, source := range d.Sources {
		if source.OK {
			read = append(read, fmt.Sprintf("%s %d ms", source.Name, source.MS))
		}
	}
	s.printf("%s  ·  %s  ·  %s\n", s.paint(bold, chatops.Plain(name)), d.At.Local().Format("2006-01-02 15:04:05"), orNone(read))
}

func (s sheet) use(d diagnosis) {
	if d.Saturated != nil {
		s.line("full", red, used(*d.Saturated))
	}
	var room []string
	for _, n := range d.NotSaturated {
		room = append(room, used(n))
	}
	if len(room) > 0 {
		s.line("room", green, strings.Join(room, ", "))
	}
}

func used(r capability.Saturation) string { return fmt.Sprintf("%s %d of %d", r.What, r.Used, r.Max) }

func (s sheet) cause(d diagnosis) {
	top := d.Top
	if !d.trouble() && !d.blind() {
		s.printf("\n%s\n", s.paint(bold, "■ no trouble"))
		s.line("", "", strings.Join(top.Chain, "; "))
		return
	}
	head := string(top.Cause)
	if top.Confidence > 0 {
		head += fmt.Sprintf("  %.2f", top.Confidence)
	}
	if top.Layer != nil {
		head += "  in " + string(*top.Layer)
	}
	s.printf("\n%s\n", s.paint(bold, "■ "+head))
	s.line("", "", top.Text)
	s.line("chain", bold, strings.Join(top.Chain, " → "))
	if d.Arithmetic != nil && d.Arithmetic.Reading != "" {
		reading := d.Arithmetic.Reading
		if drain := d.Arithmetic.PredictedDrainS; drain != nil {
			reading += fmt.Sprintf("; once it is mended the queue lasts %.0f s", *drain)
		}
		s.line("figures", bold, reading)
	}
	for _, e := range top.Evidence {
		sign, color := "+ "+e.Source, green
		if !e.Supports {
			sign, color = "- "+e.Source, red
		}
		s.line(sign, color, e.Observed+"; expected: "+e.Expected)
	}
	for i, not := range top.RuledOut {
		if i == mostRuledOut {
			break
		}
		s.line("not", faint, string(not.Cause)+": "+not.Because)
	}
	for i, action := range top.Actions {
		how := string(action.Risk) + " risk"
		if action.Action != nil {
			how += ", " + *action.Action
		}
		if action.Approval != capability.PreApprovable {
			how += ", " + strings.ReplaceAll(string(action.Approval), "_", " ")
		}
		s.line(fmt.Sprintf("do %d", i+1), bold, fmt.Sprintf("%s: %s (%s)", action.ID, action.Text, how))
	}
}

func (s sheet) others(d diagnosis) {
	n := 0
	for _, f := range d.Findings {
		if f.Cause == d.Top.Cause || n == mostOthers {
			continue
		}
		n++
		s.line("or", faint, fmt.Sprintf("%s %.2f: %s", f.Cause, f.Confidence, strings.Join(f.Chain, " → ")))
	}
}

func (s sheet) missing(d diagnosis) {
	for _, source := range d.Sources {
		if !source.OK {
			s.line("missing", red, source.Name+": "+source.Error)
		}
	}
	known := map[string]string{"pool": "metrics", "database": "database", "changes": "settings"}
	for _, name := range d.Missing {
		asked := false
		for _, source := range d.Sources {
			asked = asked || source.Name == known[name]
		}
		if !asked {
			s.line("missing", red, known[name]+": not configured")
		}
	}
}
