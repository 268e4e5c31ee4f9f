package cases

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// judge compares what happened with what must.
func (p *player) judge() {
	e := &p.c.expect
	p.judgeEnd(e)
	h := p.happened()
	p.judgePath(e.path, h)
	p.judgeList(e.changes, "changes", h.changes)
	p.judgeList(e.undone, "undone", h.undone)
	p.judgeList(e.left, "left", stays(p.run))
	for _, l := range []struct {
		want *list
		word string
		all  []string
	}{{e.ran, "did not begin", h.began}, {e.skipped, "was not skipped", h.skipped}} {
		if l.want == nil {
			continue
		}
		for _, item := range l.want.items {
			if !slices.Contains(l.all, item.text) {
				p.failf(item.pos, "", "%s %s: it is %s", p.label(item.text), l.word, p.run.StatusOf(item.text))
			}
		}
	}
	for _, s := range e.status {
		if got := string(p.run.StatusOf(s.name)); got != s.text {
			p.failf(s.pos, p.why(s.name), "status of %s: expected %s, happened %s", p.label(s.name), s.text, got)
		}
	}
	for _, c := range e.calls {
		p.judgeCalls(c)
	}
	if e.asked != nil {
		p.judgeAsked(*e.asked, h.asked)
	}
	p.judgeNotices(e.notices)
	for _, v := range e.vars {
		if why := differs(v.want, valueOf(p.run.Vars[v.name])); why != "" {
			p.failf(v.pos, "", "vars.%s: %s", v.name, why)
		}
	}
	if e.outputs != nil {
		if why := differs(e.outputs.want, valueOf(p.run.Outputs)); why != "" {
			p.failf(e.outputs.pos, "", "outputs: %s", why)
		}
	}
	if took := p.now.Sub(p.c.start); e.within != nil && took > e.within.max {
		p.failf(e.within.pos, "", "it took %s, expected at most %s", took.Round(time.Millisecond), e.within.max)
	}
}

func (p *player) label(path string) string { return label(p.run.Book, path) }

func (p *player) judgeEnd(e *expect) {
	got := endWaiting
	if p.run.Ended() {
		got = string(p.run.Word)
	}
	because := p.because()
	if got != e.end.text {
		p.failf(e.end.pos, because+p.silent(), "end: expected %s, happened %s", e.end.text, got)
	}
	if e.why != nil && !strings.Contains(because, e.why.text) {
		p.failf(e.why.pos, because, "why: expected %q in the reason of the end", e.why.text)
	}
}

// because is why the run has ended so, or what it waits for.
func (p *player) because() string {
	if p.run.Ended() {
		if c := p.run.Cause; c != nil {
			return strings.TrimSpace(fmt.Sprintf("because of %s: %s", cmp.Or(p.label(c.Path), string(c.Kind)), c.Reason))
		}
		return ""
	}
	var on []string
	for _, w := range p.run.Waits() {
		on = append(on, strings.TrimSpace(fmt.Sprintf("%s %s: %s", w.On, p.label(w.Path), w.Text)))
	}
	return "it waits for " + strings.Join(on, "; ")
}

// silent names the questions that nobody answered because the case does not
// say who does.
func (p *player) silent() string {
	asked := map[string]bool{} // paths of questions that are open, or have expired
	for _, q := range p.run.OpenQuestions() {
		asked[q.Path] = true
	}
	for _, rec := range p.records {
		if e, ok := rec.Event.(engine.QuestionDecided); ok && e.Choice == engine.ChoiceExpired {
			asked[e.Path] = true
		}
	}
	var b strings.Builder
	for _, path := range sortedKeys(asked) {
		script, key := p.script(path)
		if s := p.said[key]; s == nil || s.next >= len(script) {
			fmt.Fprintf(&b, "\nthe case does not say what people answer to the last question about %s: see people:", p.label(path))
		}
	}
	return b.String()
}

// why is how a step failed.
func (p *player) why(path string) string {
	s := p.run.Step(path)
	if s.Failure != nil {
		return s.Failure.Class + ": " + s.Failure.Reason
	}
	return ""
}

// story is what happened, as expectations name it: paths of steps.
type story struct {
	began   []string
	skipped []string
	changes []string
	undone  []string
	asked   []engine.Question
}

func (p *player) happened() story { return tell(p.records) }

func tell(records []engine.Record) story {
	var h story
	for _, rec := range records {
		switch e := rec.Event.(type) {
		case engine.StepStarted:
			h.began = append(h.began, e.Path)
		case engine.StepSkipped:
			h.skipped = append(h.skipped, e.Path)
		case engine.Intended:
			h.changes = append(h.changes, e.Path)
		case engine.StepUndone:
			h.undone = append(h.undone, e.Path)
		case engine.QuestionOpened:
			h.asked = append(h.asked, e.Question)
		}
	}
	return h
}

// path is the steps with an id that began.
func (h story) path(book *runbook.Runbook) []string {
	return slices.DeleteFunc(slices.Clone(h.began), func(path string) bool {
		step := book.Step(path)
		return step == nil || step.ID == ""
	})
}

// stays are the steps that stay changed and are not verified, in the order in
// which their changes began.
func stays(run engine.Run) []string {
	var out []string
	for _, row := range run.Ledger {
		switch row.State {
		case engine.RowNone, engine.RowCommitted, engine.RowUndone:
		default:
			out = append(out, row.Path)
		}
	}
	return out
}

func (p *player) judgePath(want *list, h story) {
	if want == nil {
		return
	}
	p.diff(want, "path", h.path(p.run.Book))
}

func (p *player) judgeList(want *list, what string, got []string) {
	if want != nil {
		p.diff(want, what, got)
	}
}

// diff reports the first place at which a list is another than expected.
func (p *player) diff(want *list, what string, got []string) {
	for i, item := range want.items {
		if i < len(got) && got[i] == item.text {
			continue
		}
		happened := "nothing more"
		if i < len(got) {
			happened = p.place(got[i])
		}
		p.failf(item.pos, p.sides(want, got), "%s, number %d: expected %s, happened %s", what, i+1, p.label(item.text), happened)
		return
	}
	if len(got) > len(want.items) {
		at := want.pos
		if n := len(want.items); n > 0 {
			at = want.items[n-1].pos
		}
		p.failf(at, p.sides(want, got), "%s: expected nothing more, happened %s", what, p.place(got[len(want.items)]))
	}
}

// place names a step with its line in the runbook.
func (p *player) place(path string) string {
	if step := p.run.Book.Step(path); step != nil {
		return fmt.Sprintf("%s (line %d of %s)", p.label(path), step.Pos.Line, step.Frame.File)
	}
	return path
}

func (p *player) sides(want *list, got []string) string {
	names := make([]string, len(want.items))
	for i, item := range want.items {
		names[i] = p.label(item.text)
	}
	labels := make([]string, len(got))
	for i, path := range got {
		labels[i] = p.label(path)
	}
	return "expected " + orNone(names) + "\nhappened " + orNone(labels)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func (p *player) judgeCalls(want calls) {
	var got []json.RawMessage
	for _, c := range p.calls {
		for _, key := range c.keys {
			if p.onName(key) == p.onName(want.name) {
				got = append(got, c.input)
				break
			}
		}
	}
	if len(got) != want.count {
		p.failf(want.pos, "", "%s: expected %s, happened %s", want.name, times(want.count), times(len(got)))
		return
	}
	for i, input := range want.inputs {
		if why := differs(input.want, valueOf(got[i])); why != "" {
			p.failf(input.pos, "its input was "+string(got[i]), "call %d of %s: %s", i+1, want.name, why)
		}
	}
}

func times(n int) string {
	if n == 1 {
		return "1 call"
	}
	return fmt.Sprintf("%d calls", n)
}

func valueOf(raw json.RawMessage) any {
	var v any
	if len(raw) > 0 && json.Unmarshal(raw, &v) != nil {
		return nil
	}
	return v
}

// differs says where a value is not what is wanted; fields that are not named
// do not matter.
func differs(want, got any) string {
	if fields, ok := want.(map[string]any); ok {
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("expected an object, happened %s", rawOf(got))
		}
		for _, name := range sortedKeys(fields) {
			if why := differs(fields[name], object[name]); why != "" {
				return name + ": " + why
			}
		}
		return ""
	}
	if items, ok := want.([]any); ok {
		list, ok := got.([]any)
		if !ok || len(list) != len(items) {
			return fmt.Sprintf("expected %s, happened %s", rawOf(want), rawOf(got))
		}
		for i := range items {
			if why := differs(items[i], list[i]); why != "" {
				return fmt.Sprintf("%d: %s", i, why)
			}
		}
		return ""
	}
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Sprintf("expected %s, happened %s", rawOf(want), rawOf(got))
	}
	return ""
}

func (p *player) judgeAsked(want []asked, got []engine.Question) {
	at := p.c.expect.end.pos
	for i, w := range want {
		at = w.pos
		if i >= len(got) {
			p.failf(at, "", "asked, number %d: expected a question about %s, happened nothing more", i+1, p.label(w.step))
			return
		}
		q := got[i]
		switch {
		case q.Path != w.step || w.kind != "" && w.kind != q.Kind:
			p.failf(at, "", "asked, number %d: expected %s about %s, happened %s about %s", i+1, cmp.Or(string(w.kind), "a question"), p.label(w.step), q.Kind, p.label(q.Path))
			return
		case !strings.Contains(q.Text, w.text):
			p.failf(at, "the question is: "+q.Text, "asked, number %d: expected %q in the question", i+1, w.text)
		}
		if w.roles != nil && !slices.Equal(textsOf(w.roles), q.Roles) {
			p.failf(w.roles.pos, "", "asked, number %d: expected the roles %s, happened %s", i+1, orNone(textsOf(w.roles)), orNone(q.Roles))
		}
		if w.shows != nil {
			var members []string
			for _, m := range q.Members {
				members = append(members, m.Path)
			}
			p.diff(w.shows, "what question "+strconv.Itoa(i+1)+" shows", members)
		}
	}
	if len(got) > len(want) {
		q := got[len(want)]
		p.failf(at, "the question is: "+q.Text, "asked: expected nothing more, happened %s about %s", q.Kind, p.label(q.Path))
	}
}

func textsOf(l *list) []string {
	out := make([]string, len(l.items))
	for i, item := range l.items {
		out[i] = item.text
	}
	return out
}

func (p *player) judgeNotices(want []notice) {
	rest := p.run.Notices
	for _, w := range want {
		i := slices.IndexFunc(rest, func(n *engine.Notice) bool {
			return strings.Contains(n.Text, w.text) && (w.to == "" || w.to == n.To) && (w.page == nil || *w.page == n.Page)
		})
		if i < 0 {
			var told []string
			for _, n := range rest {
				told = append(told, fmt.Sprintf("%s: %s", n.To, n.Text))
			}
			p.failf(w.pos, "told was "+cmp.Or(strings.Join(told, "; "), "nothing"), "notices: expected one with %q", cmp.Or(w.text, w.to))
			return
		}
		rest = rest[i+1:]
	}
}
