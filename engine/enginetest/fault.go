package enginetest

import "github.com/firebreak-ops/firebreak/engine"

// Fault is how a call ends otherwise than well.
type Fault struct {
	Outcome engine.Outcome
	Happens bool // the world is changed all the same
	Silent  bool // no answer comes
}

// None fails a call that changed nothing.
func None(class string) Fault {
	return Fault{Outcome: engine.Outcome{Failure: &engine.Failure{Class: class, Reason: "as the test wants"}, Effect: engine.EffectNone}}
}

// Partial fails a call that changed a part.
func Partial() Fault {
	return Fault{Happens: true, Outcome: engine.Outcome{
		Failure: &engine.Failure{Class: "internal", Reason: "as the test wants"}, Effect: engine.EffectPartial,
	}}
}

// Lost fails a call of which nobody knows what became.
func Lost(happens bool) Fault {
	return Fault{Happens: happens, Outcome: engine.Outcome{
		Failure: &engine.Failure{Class: "unavailable", Reason: "the connection is gone"}, Effect: engine.EffectUnknown,
	}}
}

// Silent never answers.
func Silent(happens bool) Fault { return Fault{Happens: happens, Silent: true} }

// On makes the call with an id (without the run) end badly.
func (w *World) On(id string, f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[id] = f
}

// fail lets a call end as a fault says. It returns nil when no answer comes.
func (w *World) fail(cmd engine.Command, f Fault) engine.Input {
	id, o := cmd.CommandID(), f.Outcome
	switch cmd.(type) {
	case engine.Act, engine.Undo:
		w.begin(cmd)
		if !f.Happens {
			break
		}
		if done := w.perform(cmd); o.Effect == engine.EffectPartial {
			o.Receipt, o.Left = done.Receipt, done.Left
		}
	default:
	}
	if f.Silent {
		return nil
	}
	switch cmd.(type) {
	case engine.PlanCall:
		return engine.Planned{ID: id, Failure: o.Failure}
	case engine.Probe:
		return engine.Probed{ID: id, Outcome: o}
	default:
		return engine.Returned{ID: id, Outcome: o}
	}
}
