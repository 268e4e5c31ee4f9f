package cases

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// recorder follows a run, and notes what would make it go the same way again.
type recorder struct {
	run     engine.Run
	before  engine.Run           // the last record
	names   []string             // of the calls, in the order of the first
	answers map[string][]*heard  // by name of the call
	plans   map[string][]mapping // of the next answer, by name of the call
	began   map[string]time.Time // calls that are open, by name
	asked   []string             // paths, in the order of the first
	said    map[string][]mapping // by path
	last    map[string]time.Time // when a step was asked about, or answered about, last
	silent  map[string]bool      // paths about which something is asked, and nothing was said yet
	events  []mapping
	lost    map[string]*heard // by name of the call: whose effect is not known yet
}

// heard is an answer.
type heard struct{ mapping }

func (r *recorder) label(path string) string { return label(r.run.Book, path) }

// begin notes that a call is open.
func (r *recorder) begin(name string, at time.Time) {
	if _, ok := r.began[name]; !ok {
		r.began[name] = at
	}
}

// end notes how a call ended.
func (r *recorder) end(name string, at time.Time, m mapping) *heard {
	if took := at.Sub(r.began[name]).Round(time.Millisecond); !r.began[name].IsZero() && took > 0 {
		m.add("takes", took.String())
	}
	delete(r.began, name)
	if plans := slices.CompactFunc(r.plans[name], func(a, b mapping) bool { return reflect.DeepEqual(a, b) }); len(plans) == 1 {
		m.add("plan", plans[0])
	} else if len(plans) > 1 {
		m.add("plan", plans)
	}
	delete(r.plans, name)
	if r.answers[name] == nil {
		r.names = append(r.names, name)
	}
	h := &heard{m}
	r.answers[name] = append(r.answers[name], h)
	return h
}

func (r *recorder) plan(name string, m mapping) { r.plans[name] = append(r.plans[name], m) }

func planned(p engine.Plan) mapping {
	m := mapping{}
	m.addText("detail", p.Detail)
	if len(p.Binding) > 0 {
		m.add("binding", p.Binding)
	}
	m.addText("fingerprint", p.Fingerprint)
	m.addText("unit", p.Unit)
	if p.Total > 0 || p.Affected > 0 {
		m.add("affected", p.Affected)
		m.add("total", p.Total)
	}
	m.addText("resource", p.Resource)
	return m
}

func failed(class, reason string) mapping {
	m := mapping{}
	if !slices.Contains(classWords, class) {
		class = "internal"
	}
	m.add("fail", class)
	m.addText("reason", reason)
	return m
}

func outcome(o engine.Outcome) mapping {
	if o.Failure != nil {
		m := failed(o.Failure.Class, o.Failure.Reason)
		if o.Effect != "" && o.Effect != engine.EffectNone {
			m.add("effect", string(o.Effect))
		}
		return m
	}
	m := mapping{}
	if len(o.Outputs) > 0 {
		m.add("outputs", o.Outputs)
	}
	if o.Effect == engine.EffectPartial || o.Effect == engine.EffectNone {
		m.add("effect", string(o.Effect))
	}
	if object(o.Receipt) {
		m.add("receipt", o.Receipt)
	}
	m.addText("left", o.Left)
	return m
}

// object reports whether JSON is an object.
func object(raw json.RawMessage) bool { return strings.HasPrefix(strings.TrimSpace(string(raw)), "{") }

// note takes one record.
func (r *recorder) note(rec engine.Record, next []engine.Record) {
	switch e := rec.Event.(type) {
	case engine.ReadBegan:
		r.begin(r.label(e.Path), rec.At)
	case engine.GuardBegan:
		r.begin(r.label(e.Path)+partGuard, rec.At)
	case engine.GuardAnswered:
		m := mapping{}
		m.add("outputs", e.Answer)
		r.end(r.label(e.Path)+partGuard, rec.At, m)
	case engine.MemberPlanned:
		r.plan(r.label(e.Path), planned(e.Plan))
	case engine.StepPlanned:
		r.plan(r.label(e.Path), planned(e.Plan))
	case engine.Intended:
		r.begin(r.label(e.Path), rec.At)
	case engine.Acted:
		r.acted(e, rec.At)
	case engine.RetryScheduled:
		r.failed(e.Path, e.Class, e.Reason, rec.At)
	case engine.StepFailed:
		r.failed(e.Path, e.Class, e.Reason, rec.At)
	case engine.EffectLost:
		r.lose(e, rec.At)
	case engine.DoubtResolved:
		r.found(e)
	case engine.SamplingBegan:
		r.begin(r.sampler(e.Path), rec.At)
	case engine.Sampled:
		r.sampled(r.sampler(e.Path), e.Sample, e.Answer, rec.At, e.Next)
	case engine.VerifyVerdict:
		delete(r.began, r.sampler(e.Path))
	case engine.UndoRetryScheduled:
		r.end(r.label(e.Path)+partUndo, rec.At, failed(e.Class, e.Reason))
	case engine.UndoSamplingBegan:
		r.undone(e.Path, e.Left, rec.At)
		r.begin(r.label(e.Path)+partUndoVerify, rec.At)
	case engine.UndoSampled:
		r.sampled(r.label(e.Path)+partUndoVerify, e.Sample, e.Answer, rec.At, e.Next)
	case engine.UndoVerdict:
		delete(r.began, r.label(e.Path)+partUndoVerify)
	case engine.UndoIntended:
		name := r.label(e.Path) + partUndo
		m := mapping{}
		m.addText("fingerprint", e.Expect)
		r.plan(name, m)
		r.begin(name, rec.At)
	case engine.StepUndone:
		r.undone(e.Path, e.Left, rec.At)
	case engine.UndoFailed:
		if name := r.label(e.Path) + partUndo; !r.began[name].IsZero() {
			r.end(name, rec.At, failed(e.Class, e.Reason))
		}
	default:
		r.notePeople(rec, next)
	}
}

// sampler is the call that a verify or a wait reads with.
func (r *recorder) sampler(path string) string {
	if step := r.run.Book.Step(path); step != nil && step.Kind == runbook.KindWait {
		return r.label(path)
	}
	return r.label(path) + partVerify
}

func (r *recorder) acted(e engine.Acted, at time.Time) {
	step := r.run.Book.Step(e.Path)
	if step == nil || step.Kind == runbook.KindWait {
		return // its sample is noted already
	}
	m := outcome(e.Outcome)
	if !step.Mutates() {
		m = m.without("effect", "receipt", "left")
	}
	r.end(r.label(e.Path), at, m)
}

// failed notes a failure that no other event tells of: that of a read, a
// guard or a plan.
func (r *recorder) failed(path, class, reason string, at time.Time) {
	step := r.run.Book.Step(path)
	name := r.label(path)
	if guard := name + partGuard; !r.began[guard].IsZero() {
		_, why, _ := strings.Cut(reason, "the guard could not be read: ")
		r.end(guard, at, failed("unavailable", why))
		return
	}
	switch {
	case step == nil || !step.Mutates() && r.began[name].IsZero() || step.Kind == runbook.KindWait:
	case !step.Mutates():
		r.end(name, at, failed(class, reason))
	case r.began[name].IsZero() && r.lostAt(path) == nil && class != "expression" && class != "guard" && class != "denied" && class != "verify":
		if s := r.run.Step(path); s.ActedAt.IsZero() && s.Effect == engine.EffectNone && len(r.rows(path)) == 0 {
			r.plan(name, failed(class, reason))
		}
	}
}

// rows are the attempts of a change.
func (r *recorder) rows(path string) []*engine.Row {
	return slices.DeleteFunc(slices.Clone(r.run.Ledger), func(row *engine.Row) bool { return row.Path != path })
}

func (r *recorder) lostAt(path string) *heard { return r.lost[r.label(path)] }

// lose notes a change of which nobody knows what it did.
func (r *recorder) lose(e engine.EffectLost, at time.Time) {
	name := r.label(e.Path)
	if e.Undo {
		name += partUndo
	}
	m := failed(e.Class, e.Reason)
	m.add("lost", true)
	if r.lost == nil {
		r.lost = map[string]*heard{}
	}
	r.lost[name] = r.end(name, at, m)
}

// found notes what a probe, or a late answer, said of it.
func (r *recorder) found(e engine.DoubtResolved) {
	name := r.label(e.Path)
	if e.Undo {
		name += partUndo
	}
	h := r.lost[name]
	delete(r.lost, name)
	if h == nil || e.By != "probe" && e.By != "late_result" {
		return
	}
	for _, choice := range foundWords {
		if effects[choice] == e.Outcome.Effect {
			h.add("found", choice)
		}
	}
	if object(e.Outcome.Receipt) {
		h.add("receipt", e.Outcome.Receipt)
	}
	h.addText("left", e.Outcome.Left)
}

// undone notes that an undo has happened, once.
func (r *recorder) undone(path, left string, at time.Time) {
	name := r.label(path) + partUndo
	if r.began[name].IsZero() {
		return
	}
	m := mapping{}
	m.addText("left", left)
	r.end(name, at, m)
	delete(r.began, name)
}

func (r *recorder) sampled(name string, sample engine.Sample, answer json.RawMessage, at, next time.Time) {
	m := mapping{}
	switch {
	case len(answer) > 0:
		m.add("outputs", answer)
	case strings.Contains(sample.Why, "no answer came"):
		m = failed("timeout", sample.Why)
	default:
		m = failed("inconclusive", sample.Why)
	}
	r.end(name, at, m)
	r.begin(name, next)
}

// notePeople takes a record of what people said, and of what else happened.
func (r *recorder) notePeople(rec engine.Record, next []engine.Record) {
	at := mapping{}
	at.add("at", rec.At.Sub(r.run.StartedAt).Round(time.Millisecond).String())
	event := func(verb string, value any, reason string) *mapping {
		m := slices.Clone(at)
		m.add(verb, value)
		m.addText("reason", reason)
		r.events = append(r.events, m)
		return &r.events[len(r.events)-1]
	}
	switch e := rec.Event.(type) {
	case engine.QuestionOpened:
		r.last[e.Question.Path], r.silent[e.Question.Path] = rec.At, true
		if e.Question.Kind == engine.AskDrift {
			m := mapping{}
			m.add("drift", true)
			r.plan(r.label(e.Question.Path)+partUndo, m)
		}
	case engine.GateVoided:
		if r.silent[e.Path] { // what is said from now on is about the next question
			m := mapping{}
			m.add("nobody", true)
			r.last[e.Path] = time.Time{}
			r.say(e.Path, rec.At, m)
		}
	case engine.VoteCounted:
		m := mapping{}
		m.add("approve", e.By)
		r.say(e.Path, rec.At, m)
	case engine.ValueProvided:
		m := mapping{}
		m.add("value", e.Value)
		m.add("by", e.By)
		m.addText("reason", e.Reason)
		r.say(e.Path, rec.At, m)
	case engine.QuestionDecided:
		r.decided(e, rec.At, next)
	case engine.RunRecovered:
		m := mapping{}
		m.add("at", (rec.At.Sub(r.run.StartedAt) - e.Down).Round(time.Millisecond).String())
		m.add("crash", e.Down.String())
		r.events = append(r.events, m)
	case engine.Troubled:
		_, reason, _ := strings.Cut(e.Cause.Reason, ": ")
		if e.Cause.Kind == engine.CauseCancel {
			if m := event("cancel", e.Cause.By, reason); e.Cause.Undo {
				m.add("undo", true)
			}
		}
	case engine.UndoAsked:
		event("undo_run", e.By, e.Reason)
	case engine.Stopped:
		if verb := map[engine.StopKind]string{engine.StopHalt: "halt", engine.StopHold: "hold", engine.StopTakeOver: "take_over", engine.StopFreeze: "freeze"}[e.Stop.Kind]; verb != "" {
			event(verb, e.Stop.By, e.Stop.Reason)
		}
	case engine.StopLifted:
		event("lift", e.By, "")
	case engine.HandedBack:
		event("hand_back", e.By, e.Reason).add("to", e.To)
	case engine.LockBroken:
		event("break_lock", e.By, e.Reason)
	case engine.AlertOver:
		event("alert_resolved", true, "")
	case engine.VoteWithdrawn:
		event("withdraw", e.By, e.Reason).add("step", r.label(e.Path))
	case engine.QuestionExtended:
		m := event("extend", e.By, "")
		m.add("step", r.label(e.Path))
		m.add("more", e.Expires.Sub(r.before.Questions[e.ID].Expires).String())
	case engine.QuestionHanded:
		m := event("hand", e.By, e.Reason)
		m.add("step", r.label(e.Path))
		m.add("to", e.To)
	case engine.StepSkipped:
		if e.By != "" && !slices.Contains(r.asked, e.Path) {
			_, reason, _ := strings.Cut(e.Why, ": ")
			event("skip", e.By, reason).add("step", r.label(e.Path))
		}
	}
}

// say notes what was said about a step.
func (r *recorder) say(path string, at time.Time, m mapping) {
	if after := at.Sub(r.last[path]).Round(time.Millisecond); after > 0 && !r.last[path].IsZero() {
		m.add("after", after.String())
	}
	r.last[path], r.silent[path] = at, false
	if r.said[path] == nil {
		r.asked = append(r.asked, path)
	}
	r.said[path] = append(r.said[path], m)
}

func (r *recorder) decided(e engine.QuestionDecided, at time.Time, next []engine.Record) {
	m := mapping{}
	switch {
	case e.Choice == engine.ChoiceExpired:
		m.add("nobody", true)
		r.last[e.Path] = time.Time{}
	case e.Question == engine.AskGate && e.Choice == engine.ChoiceApprove:
		m.add("approve", e.By)
	case e.Question == engine.AskGate:
		m.add("deny", e.By)
		for _, rec := range next {
			if t, ok := rec.Event.(engine.Troubled); ok {
				if t.Cause.Keep {
					m.add("keep", true)
				}
				break
			}
		}
	default:
		m.add("answer", e.Choice)
		m.add("by", e.By)
	}
	m.addText("reason", e.Reason)
	m.addText("break_glass", e.BreakGlass)
	r.say(e.Path, at, m)
}
