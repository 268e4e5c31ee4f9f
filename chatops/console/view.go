package console

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// View shows one run: a line for each thing that has happened, and on a
// terminal below them what is going on now, rewritten as time passes. Its
// methods are called from one goroutine.
type View struct {
	out   io.Writer
	live  bool // rewrite what is going on
	color bool
	width int
	as    string

	blocker func() string

	outline  chatops.Outline
	run      engine.Run
	progress map[string]string // what a step last said, by path
	drawn    int               // lines of the live part that are on the screen
	held     time.Time         // since when the run is held; zero: it is not
	told     string            // what was said of it
}

// Options say what the terminal can do.
type Options struct {
	Live  bool // the output is a terminal
	Color bool
	Width int    // of the terminal, in columns; 0: 100
	As    string // how commands name the run; empty: by its id
	// Blocker names the run that has the locks which this one waits for, or is
	// empty. It may block for a moment. Optional.
	Blocker func() string
}

// NewView returns a view that writes to out.
func NewView(out io.Writer, o Options) *View {
	if o.Width == 0 {
		o.Width = 100
	}
	return &View{
		out: out, live: o.Live, color: o.Color, width: o.Width, as: o.As, blocker: o.Blocker,
		run: engine.New(&runbook.Runbook{}), progress: map[string]string{},
	}
}

// Outline tells the view what the steps are; without it they are called by
// their paths.
func (v *View) Outline(o chatops.Outline) { v.outline = o }

// Run is the run as far as it was shown. Its runbook is not known.
func (v *View) Run() *engine.Run { return &v.run }

// Show takes one record, in order.
func (v *View) Show(rec engine.Record) {
	v.run = engine.Apply(v.run, rec)
	v.erase()
	if e, ok := rec.Event.(engine.RunStarted); ok {
		v.header(e.Facts)
	}
	for _, l := range v.lines(rec) {
		v.line(l)
	}
	v.draw(rec.At)
}

func (v *View) lines(rec engine.Record) []chatops.Line {
	as := v.as
	if as == "" {
		as = v.run.Facts.ID
	}
	return v.outline.Lines(&v.run, rec, as)
}

// Said takes what a running call says of itself. path is the step's.
func (v *View) Said(path, text string, now time.Time) {
	if !v.live {
		return
	}
	v.progress[path] = text
	v.Tick(now)
}

// Tick redraws the live part, and says once what holds the run up.
func (v *View) Tick(now time.Time) {
	v.hold(now)
	if !v.live {
		return
	}
	v.erase()
	v.draw(now)
}

// Typed says that a line was typed: the terminal has shown it below the live
// part, which goes away with it.
func (v *View) Typed() {
	if v.drawn > 0 {
		v.drawn++
	}
}

// Close takes the live part off the screen.
func (v *View) Close() { v.erase() }

func (v *View) header(f engine.Facts) {
	parts := []string{f.Runbook}
	if f.RetryOf != "" {
		parts = append(parts, fmt.Sprintf("retry of %s from %s", f.RetryOf, f.From))
	}
	if f.UndoOf != "" {
		parts[0] = "undo of run " + f.UndoOf
	}
	if f.Service != "" {
		parts = append(parts, inEnvironment(f.Service, f.Environment))
	}
	parts = append(parts, "run "+f.ID, "started by "+chatops.Requester(f.Requester))
	v.title(parts)
}

func (v *View) title(parts []string) {
	fmt.Fprintln(v.out, v.paint(bold, chatops.Plain(strings.Join(parts, "  ·  "))))
}

func inEnvironment(service, environment string) string {
	if environment == "" {
		return service
	}
	return service + " (" + environment + ")"
}

// nameWidth is the column of step names.
const nameWidth = 16

func (v *View) line(l chatops.Line) {
	sign, color := sign(l.Mark)
	text, indent := l.Text, 4
	if l.Name != "" {
		took := ""
		if l.Took > 0 {
			took = chatops.Elapsed(l.Took)
		}
		text = fmt.Sprintf("%-*s %7s  %s", nameWidth, l.Name, took, l.Text)
		indent += nameWidth + 10
	}
	for i, line := range v.wrap(strings.TrimRight(text, " "), 4, indent) {
		if i == 0 {
			fmt.Fprintf(v.out, "  %s %s\n", v.paint(color, sign), line)
			continue
		}
		fmt.Fprintf(v.out, "%s\n", line)
	}
	for _, d := range l.Detail {
		depth := 6 + len(d) - len(strings.TrimLeft(d, " "))
		for i, line := range v.wrap(d, 6, depth+2) {
			if i == 0 {
				line = "      " + line
			}
			fmt.Fprintln(v.out, v.paintDiff(line))
		}
	}
}

// draw writes what is going on now.
func (v *View) draw(now time.Time) {
	if !v.live || v.run.Ended() {
		return
	}
	var lines []string
	for _, path := range v.active() {
		s := v.run.Step(path)
		what := string(s.Doing)
		if p := v.progress[path]; p != "" && (s.Doing == engine.DoingAct || s.Doing == engine.DoingRead) {
			what += "  " + p
		}
		lines = append(lines, fmt.Sprintf("  %s %-*s %7s  %s", v.paint(cyan, spinner(now)), nameWidth,
			v.outline.Name(path), chatops.Elapsed(now.Sub(s.StartedAt)), v.clip(what, 4+nameWidth+10)))
	}
	for _, q := range v.run.OpenQuestions() {
		left := ""
		if !q.Expires.IsZero() {
			left = ", " + chatops.Elapsed(q.Expires.Sub(now)) + " left"
		}
		text := fmt.Sprintf("waiting %s for %s%s", chatops.Elapsed(now.Sub(q.OpenedAt)), strings.Join(q.Roles, " or "), left)
		if said := chatops.Yeses(q); said != "" {
			text += "; " + said
		}
		lines = append(lines, fmt.Sprintf("  %s %s", v.paint(yellow, "?"), v.clip(text, 4)))
	}
	for _, s := range v.run.Stops {
		text := fmt.Sprintf("%s, for %s now", chatops.Stopped(s), chatops.Elapsed(now.Sub(s.At)))
		lines = append(lines, fmt.Sprintf("  %s %s", v.paint(red, "‖"), v.clip(text, 4)))
	}
	for _, l := range lines {
		fmt.Fprintln(v.out, l)
	}
	v.drawn = len(lines)
}

// active are the paths of the steps that do something now.
func (v *View) active() []string {
	var paths []string
	for path, s := range v.run.Steps {
		switch s.Doing {
		case engine.DoingNothing, engine.DoingChildren, engine.DoingVerdict, engine.DoingDoubt:
		default:
			if !s.Done() {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	return paths
}

func (v *View) erase() {
	if !v.live {
		return
	}
	up := ""
	if v.drawn > 0 {
		up = fmt.Sprintf("\x1b[%dA", v.drawn)
	}
	fmt.Fprint(v.out, "\r"+up+"\x1b[J") // from the first column: a ^C may stand there
	v.drawn = 0
}

// clip keeps a line of the live part from wrapping, which would leave it on
// the screen.
func (v *View) clip(text string, used int) string {
	text = chatops.OneLine(text)
	room := v.width - used
	if !v.live || room < 10 {
		return text
	}
	r := []rune(text)
	if len(r) <= room {
		return text
	}
	return string(r[:room-1]) + "…"
}

// wrap breaks a line that stays between words, as wide as the terminal. The
// first line begins behind used columns, the others are indented.
func (v *View) wrap(text string, used, indent int) []string {
	text = chatops.OneLine(text)
	if !v.live || v.width < 40 {
		return []string{text}
	}
	indent = min(indent, v.width/2)
	var lines []string
	rest := []rune(text)
	for room := v.width - used; len(rest) > room; room = v.width {
		cut := room
		for i := room; i > room/2; i-- {
			if rest[i] == ' ' {
				cut = i
				break
			}
		}
		lines = append(lines, strings.TrimRight(string(rest[:cut]), " "))
		rest = []rune(strings.Repeat(" ", indent) + strings.TrimLeft(string(rest[cut:]), " "))
	}
	return append(lines, string(rest))
}

func spinner(now time.Time) string {
	frames := []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"}
	return frames[int(now.UnixMilli()/120)%len(frames)]
}

// Say writes a line that is not of the run.
func (v *View) Say(text string, now time.Time) {
	v.erase()
	v.line(chatops.Line{Mark: chatops.MarkInfo, Text: text})
	v.draw(now)
}

// patience is how long a run may be held before the view says why.
const patience = time.Second

// hold says why nothing happens: another run has the locks, or what a lost
// call did may still arrive.
func (v *View) hold(now time.Time) {
	why := v.holds()
	switch {
	case why == "":
		v.held, v.told = time.Time{}, ""
	case v.held.IsZero():
		v.held = now
	case why != v.told && now.Sub(v.held) > patience:
		v.told = why
		if v.blocker != nil && v.run.Locks.State == engine.LocksRequested {
			if other := v.blocker(); other != "" {
				why += ", run " + other
			}
		}
		v.Say(why, now)
	}
}

func (v *View) holds() string {
	if v.run.Ended() {
		return ""
	}
	if v.run.Locks.State == engine.LocksRequested {
		return "waits for another run that changes " + strings.Join(v.run.Locks.Identities, ", ")
	}
	for path, s := range v.run.Steps {
		if s.Doing == engine.DoingFence {
			return fmt.Sprintf("waits until %s for what the lost call of %s may still do",
				s.Deadline.Local().Format("15:04:05"), v.outline.Name(path))
		}
	}
	return ""
}
