package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// Verdicts of a sample.
const (
	sampleTrue  = "true"
	sampleFalse = "false"
	sampleVoid  = "void" // says neither: no answer, not enough, or the condition errors
)

// Verdicts of a verify.
const (
	verdictPassed       = "passed"
	verdictFailed       = "failed"
	verdictInconclusive = "inconclusive" // never undoes by itself: a person decides
	verdictAccepted     = "accepted"     // a person took it upon them
)

// unlockedWhy is why what holds proves nothing.
const unlockedWhy = "its locks were broken meanwhile, so that others may have made it true"

// minSamples is how many samples a verify needs to be called failed.
const minSamples = 3

// verify begins to sample whether a step or group worked.
func (d *decider) verify(step *runbook.Step, s *Step) bool {
	if s.Verified != "" {
		return false
	}
	input, err := d.verifyInput(step.Frame, step.Verify, s.ActedAt)
	if err != nil {
		d.verdict(step, verdictInconclusive, err.Error())
		return true
	}
	d.emit(SamplingBegan{Path: step.Path, Input: input, Deadline: d.now.Add(step.Verify.Within)})
	return true
}

// verifyInput is the verify's `with`. Where its action can be told how old a
// sample may be, nothing from before the end of the action counts.
func (d *decider) verifyInput(frame *runbook.Frame, v *runbook.Verify, acted time.Time) (json.RawMessage, error) {
	raw, err := d.input(frame, v.With)
	if err != nil || v.Action.Input == nil {
		return raw, err
	}
	if _, ok := v.Action.Input.Field("not_before"); !ok {
		return raw, nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil || m["not_before"] != nil {
		return raw, nil //nolint:nilerr // not an object: the plugin says what it thinks of it
	}
	m["not_before"] = json.RawMessage(acted.UTC().Format(`"` + time.RFC3339Nano + `"`))
	return json.Marshal(m)
}

// sample takes one sample of a verify or a wait.
func (d *decider) sample(path string, o Outcome) {
	step := d.run.Book.Step(path)
	action, until, every := step.Action, step.Until, step.Every
	if step.Kind != runbook.KindWait {
		action, until, every = step.Verify.Action, step.Verify.Until, step.Verify.Every
	}
	sample := d.judged(step, action, until, o)
	d.emit(Sampled{Path: path, Sample: sample, Answer: o.Outputs, Next: d.now.Add(every)})

	s := d.run.step(path)
	switch {
	case step.Kind == runbook.KindWait:
		if sample.Verdict == sampleTrue {
			d.emit(Acted{Path: path, Attempt: s.Attempt, Outcome: Outcome{Outputs: o.Outputs, Effect: EffectNone}})
		}
	case holdsFor(s.Samples, step.Verify.For):
		if s.Unlocked {
			d.verdict(step, verdictInconclusive, unlockedWhy)
			return
		}
		d.emit(VerifyVerdict{Path: path, Verdict: verdictPassed, Why: fmt.Sprintf("%s held for %s", step.Verify.Until.Source(), step.Verify.For)})
	}
}

// judged is what one answer says about a condition.
func (d *decider) judged(step *runbook.Step, action *runbook.Action, until *expr.Program, o Outcome) Sample {
	sample := Sample{At: d.now, Verdict: sampleFalse}
	if o.Failure != nil {
		sample.Verdict, sample.Why = sampleVoid, o.Failure.Reason
	} else if ok, err := until.Bool(d.vars(step.Frame, decode(action.Output, o.Outputs), until)); err != nil {
		sample.Verdict, sample.Why = sampleVoid, err.Error()
	} else if ok {
		sample.Verdict = sampleTrue
	}
	return sample
}

// holdsFor reports whether the samples end in true ones that span the time.
func holdsFor(samples []Sample, span time.Duration) bool {
	var first, last time.Time
	for _, sample := range slices.Backward(samples) {
		if sample.Verdict == sampleFalse {
			break
		}
		if sample.Verdict == sampleTrue {
			first = sample.At
			if last.IsZero() {
				last = first
			}
		}
	}
	return !last.IsZero() && last.Sub(first) >= span
}

// sampledOut ends a verify or a wait whose time is over.
func (d *decider) sampledOut(path string) {
	step := d.run.Book.Step(path)
	s := d.run.step(path)
	if step.Kind == runbook.KindWait {
		reason := fmt.Sprintf("%s did not come true within %s", step.Until.Source(), step.Within)
		if n := len(s.Samples); n > 0 && s.Samples[n-1].Why != "" {
			reason += "; last: " + s.Samples[n-1].Why
		}
		d.fail(step, "timeout", reason)
		return
	}
	verdict, why := d.counted(step.Verify, s.Samples)
	d.verdict(step, verdict, why)
}

// counted is what the samples of a verify say whose time is over.
func (d *decider) counted(v *runbook.Verify, samples []Sample) (verdict, reason string) {
	span := max(v.For, minSamples*v.Every)
	fresh, bad, why := 0, 0, ""
	for _, sample := range samples {
		if sample.Verdict == sampleVoid {
			why = sample.Why
		}
		if sample.Verdict == sampleVoid || d.now.Sub(sample.At) > span+v.Every {
			continue
		}
		fresh++
		if sample.Verdict == sampleFalse {
			bad++
		}
	}
	if fresh >= minSamples && bad > 0 {
		return verdictFailed, fmt.Sprintf("%s was false in %d of the last %d samples", v.Until.Source(), bad, fresh)
	}
	reason = fmt.Sprintf("%d usable samples in the last %s, %d of them false", fresh, span, bad)
	if why != "" {
		reason += "; " + why
	}
	return verdictInconclusive, reason
}

// verdict acts on a verify that did not pass: by the runbook when it failed,
// by a person when it is not known.
func (d *decider) verdict(step *runbook.Step, verdict, why string) {
	d.emit(VerifyVerdict{Path: step.Path, Verdict: verdict, Why: why})
	if verdict == verdictFailed && step.Verify.OnFail != "ask" {
		d.notVerified(step, why, step.Verify.OnFail == "keep", "")
		return
	}
	s := d.run.step(step.Path)
	d.emit(QuestionOpened{Question: Question{
		ID:   d.run.id(step.Path, max(s.Attempt, 1), fmt.Sprintf("verdict.ask.%d", s.N)),
		Kind: AskVerdict, Path: step.Path, Attempt: s.Attempt,
		Text:  fmt.Sprintf("The verify of %s is %s: %s. What now?", step.Label(), verdict, why),
		Roles: d.rolesOf(step.Path), Self: true, OpenedAt: d.now,
		Choices: []string{ChoiceAgain, ChoiceAccept, ChoiceKeep, ChoiceUndo},
	}})
}

// notVerified ends a step whose verify failed.
func (d *decider) notVerified(step *runbook.Step, why string, keep bool, by string) {
	effect := d.run.effect(step.Path)
	d.emit(StepFailed{Path: step.Path, Class: "verify", Reason: why, Effect: effect})
	d.trouble(
		Cause{Kind: CauseFailure, Path: step.Path, Class: "verify", Reason: why, Keep: keep, By: by},
		&RunFailure{Step: step.Path, Class: "verify", Reason: why, Effect: effect},
	)
}
