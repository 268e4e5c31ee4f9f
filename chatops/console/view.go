package console

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/chatops"
	"github.com/firebreak-ops/firebreak/engine"
)

// View shows one run: a line for each thing that has happened, and on a
// terminal below them what is going on now, rewritten as time passes. Its
// methods are called from one goroutine.
type View struct {
	out   io.Writer
	live  bool // rewrite what is going on
	color bool
	width int

	run      engine.Run
	progress map[string]string // what a step last said, by path
	drawn    int               // lines of the live part that are on the screen
}

// Options say what the terminal can do.
type Options struct {
	Live  bool // the output is a terminal
	Color bool
	Width int // of the terminal, in columns; 0: 100
}

// NewView returns a view that writes to out.
func NewView(out io.Writer, o Options) *View {
	if o.Width == 0 {
		o.Width = 100
	}
	return &View{out: out, live: o.Live, color: o.Color, width: o.Width, progress: map[string]string{}}
}

// Run is the run as far as it was shown. Its runbook is not known.
func (v *View) Run() *engine.Run { return &v.run }

// Show takes one record, in order.
func (v *View) Show(rec engine.Record) {
	v.run = engine.Apply(v.run, rec)
	v.erase()
	if e, ok := rec.Event.(engine.RunStarted); ok {
		v.header(e.Facts)
	}
	for _, l := range chatops.Lines(&v.run, rec) {
		v.line(l)
	}
	v.draw(rec.At)
}

// Said takes what a running call says of itself. path is the step's.
func (v *View) Said(path, text string, now time.Time) {
	if !v.live {
		return
	}
	v.progress[path] = text
	v.Tick(now)
}

// Tick redraws the live part.
func (v *View) Tick(now time.Time) {
	if !v.live {
		return
	}
	v.erase()
	v.draw(now)
}

// Close takes the live part off the screen.
func (v *View) Close() { v.erase() }

func (v *View) header(f engine.Facts) {
	parts := []string{f.Runbook}
	if f.UndoOf != "" {
		parts[0] = "undo of run " + f.UndoOf
	}
	if f.Service != "" {
		service := f.Service
		if f.Environment != "" {
			service += " (" + f.Environment + ")"
		}
		parts = append(parts, service)
	}
	parts = append(parts, "run "+f.ID, fmt.Sprintf("started by %s %s", f.Requester.Kind, f.Requester.Name))
	fmt.Fprintln(v.out, v.paint(bold, strings.Join(parts, "  ·  ")))
}

// nameWidth is the column of step names.
const nameWidth = 14

func (v *View) line(l chatops.Line) {
	sign, color := sign(l.Mark)
	took := ""
	if l.Took > 0 {
		took = chatops.Elapsed(l.Took)
	}
	text := l.Text
	if l.Name != "" {
		text = fmt.Sprintf("%-*s %7s  %s", nameWidth, l.Name, took, l.Text)
	}
	fmt.Fprintf(v.out, "  %s %s\n", v.paint(color, sign), v.clip(text, 4))
	for _, d := range l.Detail {
		fmt.Fprintf(v.out, "      %s\n", v.paintDiff(v.clip(d, 6)))
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
		if p := v.progress[path]; p != "" {
			what += "  " + p
		}
		lines = append(lines, fmt.Sprintf("  %s %-*s %7s  %s", v.paint(cyan, spinner(now)), nameWidth,
			path[strings.LastIndexByte(path, '/')+1:], chatops.Elapsed(now.Sub(s.StartedAt)), v.clip(what, 4+nameWidth+10)))
	}
	for _, q := range v.run.OpenQuestions() {
		left := ""
		if !q.Expires.IsZero() {
			left = ", " + chatops.Elapsed(q.Expires.Sub(now)) + " left"
		}
		lines = append(lines, fmt.Sprintf("  %s waits for %s since %s%s", v.paint(yellow, "?"),
			strings.Join(q.Roles, " or "), chatops.Elapsed(now.Sub(q.OpenedAt)), left))
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
	if v.drawn > 0 {
		fmt.Fprintf(v.out, "\x1b[%dA\x1b[J", v.drawn)
		v.drawn = 0
	}
}

// clip keeps a line of the live part from wrapping, which would leave it on
// the screen.
func (v *View) clip(text string, used int) string {
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

func spinner(now time.Time) string {
	frames := []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"}
	return frames[int(now.UnixMilli()/120)%len(frames)]
}

// Say writes a line that is not of the run.
func (v *View) Say(text string, now time.Time) {
	v.erase()
	fmt.Fprintf(v.out, "  %s %s\n", v.paint(faint, "·"), v.clip(text, 4))
	v.draw(now)
}
