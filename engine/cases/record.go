package cases

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// ErrNotRecorded is a run that cannot be a case.
var ErrNotRecorded = errors.New("a run that undoes another, or goes on from one, is no case of its runbook alone")

// Record writes a recorded run of a runbook as a test file with one case: what
// it was given, what actions and people answered, and how it went. Times are
// kept to the millisecond. It fails only with [ErrNotRecorded].
func Record(name string, book *runbook.Runbook, records []engine.Record) ([]byte, error) {
	r := &recorder{run: engine.New(book), answers: map[string][]*heard{}, plans: map[string][]mapping{}, began: map[string]time.Time{}, said: map[string][]mapping{}, last: map[string]time.Time{}, silent: map[string]bool{}}
	for i, rec := range records {
		r.before, r.run = r.run, engine.Apply(r.run, rec)
		r.note(rec, records[i+1:])
	}
	facts := r.run.Facts
	if facts.UndoOf != "" || facts.RetryOf != "" {
		return nil, ErrNotRecorded
	}
	c := mapping{}
	c.add("name", name)
	c.add("recorded", r.run.Facts.ID)
	c.add("start", r.run.StartedAt.UTC().Format(time.RFC3339Nano))
	c.add("inputs", orEmpty(facts.Inputs))
	if len(facts.Alert) > 0 {
		var alert struct {
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
			Status      string            `json:"status"`
		}
		_ = json.Unmarshal(facts.Alert, &alert) // what is no alert says nothing
		a := mapping{}
		a.add("labels", alert.Labels)
		a.add("annotations", alert.Annotations)
		a.addText("status", alert.Status)
		c.add("alert", a)
	}
	if facts.Requester.Answers() {
		c.add("requester", facts.Requester.Name)
	}
	c.add("roles", rolesOf(facts.Roles))
	if stops := stopsOf(facts.Stops); len(stops) > 0 {
		c.add("stops", stops)
	}
	c.add("actions", r.actions())
	c.add("people", r.people())
	if len(r.events) > 0 {
		c.add("events", r.events)
	}
	c.add("expect", r.expect(tell(records)))
	file := mapping{}
	file.add("firebreak_test", "v1")
	file.add("runbook", book.Name)
	file.add("cases", []mapping{c})
	return file.yaml(), nil
}

func orEmpty(inputs map[string]json.RawMessage) map[string]json.RawMessage {
	if inputs == nil {
		return map[string]json.RawMessage{}
	}
	return inputs
}

func rolesOf(roles map[string]engine.Role) mapping {
	m := mapping{}
	for _, name := range sortedKeys(roles) {
		m.add(name, roles[name].People)
	}
	return m
}

// stopsOf are the stops that a run began under, in the words of a case. Others
// cannot stand then.
func stopsOf(stops []engine.Stop) []mapping {
	var out []mapping
	for _, s := range stops {
		if s.Kind == engine.StopHalt || s.Kind == engine.StopHold || s.Kind == engine.StopFreeze {
			m := mapping{}
			m.add(string(s.Kind), s.By)
			m.addText("reason", s.Reason)
			out = append(out, m)
		}
	}
	return out
}

func (r *recorder) actions() mapping {
	for _, name := range sortedKeys(r.plans) { // planned, and then never called
		if r.answers[name] == nil {
			r.end(name, time.Time{}, mapping{})
		}
	}
	m := mapping{}
	for _, name := range r.names {
		var list []mapping
		for _, h := range r.answers[name] {
			list = append(list, h.mapping)
		}
		if len(list) == 1 {
			m.add(name, list[0])
		} else {
			m.add(name, list)
		}
	}
	return m
}

func (r *recorder) people() mapping {
	m := mapping{}
	for _, path := range r.asked {
		name := r.label(path)
		if path == "" {
			name = locksName
		}
		m.add(name, r.said[path])
	}
	return m
}

// expect is how the run went.
func (r *recorder) expect(h story) mapping {
	labels := func(paths []string) []string {
		out := make([]string, len(paths))
		for i, path := range paths {
			out[i] = r.label(path)
		}
		return out
	}
	m := mapping{}
	m.add("end", cmp.Or(string(r.run.Word), endWaiting))
	m.add("path", lines(labels(h.path(r.run.Book))))
	m.add("changes", labels(h.changes))
	calls := mapping{}
	for _, path := range h.changes {
		step := r.run.Step(path)
		if calls.get(r.label(path)) == nil && len(h.attempts(path)) == 1 && object(step.Input) {
			calls.add(r.label(path), step.Input)
		}
	}
	if len(calls) > 0 {
		m.add("calls", calls)
	}
	m.add("undone", labels(h.undone))
	m.add("left", labels(stays(r.run)))
	var asked []mapping
	for _, q := range h.asked {
		a := mapping{}
		a.add("step", r.label(q.Path))
		a.add("question", string(q.Kind))
		if q.Kind != engine.AskLock {
			asked = append(asked, a)
		}
	}
	m.add("asked", orNothing(asked))
	if object(r.run.Outputs) {
		m.add("outputs", r.run.Outputs)
	}
	return m
}

func orNothing(list []mapping) []mapping {
	if list == nil {
		return []mapping{}
	}
	return list
}

// attempts are the changes that a step has begun.
func (h story) attempts(path string) []string {
	return slices.DeleteFunc(slices.Clone(h.changes), func(p string) bool { return p != path })
}
