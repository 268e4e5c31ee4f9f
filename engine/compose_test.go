package engine_test

import (
	"testing"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/enginetest"
)

// undoOf plays the undo of a run that has ended until its gate is open.
func undoOf(t *testing.T, done *enginetest.Play) *enginetest.Play {
	t.Helper()
	p := enginetest.NewPlay(t, done.Src)
	p.World = done.World
	f := engine.UndoOf(&done.Run, nil)
	f.ID = "r2"
	if p.Give(engine.Start{Facts: f}); p.Err != nil {
		t.Fatal(p.Err)
	}
	return p.Settle()
}

// A runbook that is called without inputs is not called again by who has read
// the run from its journal.
func TestCalledOnce(t *testing.T) {
	p := play(t, calling("c", "", "steps:"+set("a", unverified), gated)).Start()
	run := engine.New(p.Book)
	for _, rec := range p.Journal {
		kind, data, err := engine.MarshalEvent(rec.Event)
		if err != nil {
			t.Fatal(err)
		}
		e, err := engine.UnmarshalEvent(kind, data)
		if err != nil {
			t.Fatal(err)
		}
		run = engine.Apply(run, engine.Record{Seq: rec.Seq, At: rec.At, Event: e})
	}
	recs, err := engine.Decide(run, engine.Recovered{Generation: 2}, p.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		if rec.Event.Kind() == "called" {
			t.Error("it is called again")
		}
	}
}
