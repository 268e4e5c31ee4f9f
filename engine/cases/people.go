package cases

import (
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// speaker is how far the people of a step have come with what they say.
type speaker struct {
	next    int
	last    time.Time // when the last word was said
	silence string    // id of the question that is left unanswered
}

// voice is who speaks next about an open question, and what they say; nil:
// nobody.
func (p *player) voice() (*speaker, due) {
	var who *speaker
	var first due
	if len(p.c.people) == 0 || len(p.run.Questions) == 0 {
		return nil, first
	}
	for _, q := range p.run.OpenQuestions() {
		name := q.Path
		if q.Kind == engine.AskLock {
			name = locksName
		}
		script, key := p.script(name)
		s := p.said[key]
		if s == nil {
			s = &speaker{}
			p.said[key] = s
		}
		if s.silence != "" && s.silence != q.ID {
			s.silence = ""
			s.next++
		}
		if s.next >= len(script) {
			continue
		}
		says := script[s.next]
		if says.verb == "nobody" {
			s.silence = q.ID
			continue
		}
		since := q.OpenedAt
		if s.last.After(since) {
			since = s.last
		}
		at := since.Add(says.after)
		if who == nil || at.Before(first.at) {
			if at.Before(p.now) {
				at = p.now
			}
			who, first = s, due{at: at, rank: rankEvent, pos: says.pos, text: says.refused, give: func() engine.Input { return says.input(q) }}
		}
	}
	return who, first
}

// script is what is said about a step, and under which name it stands. An
// item of a foreach is asked about by its own path, or by that of its
// template.
func (p *player) script(path string) ([]say, string) {
	if script, ok := p.c.people[path]; ok {
		return script, path
	}
	return p.c.people[p.c.index.template(path)], path
}

func (s say) input(q engine.Question) engine.Input {
	switch s.verb {
	case "approve":
		return engine.Vote{By: s.by, Question: q.ID, Digest: q.Digest, Approve: true, Reason: s.reason, BreakGlass: s.breakGlass}
	case "deny":
		return engine.Vote{By: s.by, Question: q.ID, Digest: q.Digest, Keep: s.keep, Reason: s.reason, BreakGlass: s.breakGlass}
	case "value":
		return engine.Provide{By: s.by, Question: q.ID, Value: s.value, Reason: s.reason}
	default:
		return engine.Answer{By: s.by, Question: q.ID, Choice: s.choice, Reason: s.reason}
	}
}

// stepBegan notes that a step has begun, for events that come then.
func (p *player) stepBegan(e engine.Event) {
	if e, ok := e.(engine.StepStarted); ok {
		step := p.run.Book.Step(e.Path)
		if step != nil && step.Action == nil {
			p.began(e.Path)
		}
	}
}

// began lets the events come that come when a call or a step begins.
func (p *player) began(names ...string) {
	for _, name := range names {
		if name = p.onName(name); p.seen[name] {
			continue
		}
		p.seen[name] = true
		for _, e := range p.c.events {
			if e.on != "" && p.onName(e.on) == name {
				p.happen(e, p.now.Add(e.at), rankEvent)
			}
		}
	}
}

// onName is one name of a call: by path where a step is named.
func (p *player) onName(name string) string {
	step, part := splitCall(name)
	if s := p.c.index.steps[step]; s != nil && p.c.index.actions[name] == nil {
		return s.Path + part
	}
	return name
}

// happen lets an event come at a time.
func (p *player) happen(e event, at time.Time, rank int) {
	p.later(due{at: at, rank: rank, pos: e.pos, text: e.refused, give: func() engine.Input { return p.input(e) }})
}

func (p *player) input(e event) engine.Input {
	switch e.verb {
	case "cancel":
		return engine.Cancel{By: e.by, Reason: e.reason, Undo: e.undo}
	case "halt":
		return engine.Halt{By: e.by, Reason: e.reason}
	case "hold":
		return engine.Hold{By: e.by, Reason: e.reason, Service: p.run.Facts.Service}
	case "freeze":
		return engine.Freeze{Stop: engine.Stop{By: e.by, Reason: e.reason}}
	case "lift":
		lift := engine.Lift{By: e.by}
		for _, s := range p.run.Stops {
			lift.Kind, lift.Service = s.Kind, s.Service
		}
		return lift
	case "skip":
		return engine.Skip{By: e.by, Path: e.step, Reason: e.reason}
	case "withdraw":
		return engine.Withdraw{By: e.by, Path: e.step, Reason: e.reason}
	case "take_over":
		return engine.TakeOver{By: e.by, Reason: e.reason}
	case "hand_back":
		to := e.to
		if to == "" {
			to = engine.HandResume
		}
		return engine.HandBack{By: e.by, To: to, Reason: e.reason}
	case "extend":
		return engine.Extend{By: e.by, Question: p.question(e.step), For: e.more}
	case "hand":
		return engine.Hand{By: e.by, Question: p.question(e.step), To: e.to, Reason: e.reason}
	case "undo_run":
		return engine.UndoRun{By: e.by, Reason: e.reason}
	case "break_lock":
		return engine.BreakLock{By: e.by, Reason: e.reason}
	case "alert_resolved":
		return engine.AlertResolved{}
	default:
		return p.crash(e)
	}
}

// question is the id of what is asked about a step; empty where nothing is.
func (p *player) question(path string) string {
	for _, q := range p.run.Questions {
		if q.Path == path {
			return q.ID
		}
	}
	return ""
}

// crash loses all that is in flight. Another generation takes over later. A
// read is made again, and has its answer still to come.
func (p *player) crash(e event) engine.Input {
	p.open = map[string]bool{}
	kept := p.due[:0]
	for _, d := range p.due {
		if d.id == "" {
			kept = append(kept, d)
		} else if key, ok := p.reading[d.id]; ok {
			p.next[key]--
			delete(p.reading, d.id)
		}
	}
	p.due = kept
	p.now = p.now.Add(e.down)
	return engine.Recovered{Generation: p.run.Generation + 1, Down: e.down}
}
