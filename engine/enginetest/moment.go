package enginetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// moment is one thing that came to pass in a town: an input was given to a
// run and records were stored for it, a mutation was begun, the world was
// changed by it, or something else worth telling. The judge sees nothing but
// moments.
type moment struct {
	at  time.Time
	run string // empty: it concerns nobody alone

	in   engine.Input // given
	recs []engine.Record
	err  error

	begun    engine.Command  // an Act or an Undo
	happened engine.Command  // one that the world was changed by
	outcome  *engine.Outcome // of happened

	note string
}

func (m moment) String() string {
	s := m.at.Format("15:04:05.000 ")
	if m.run != "" {
		s += m.run + " "
	}
	switch {
	case m.in != nil:
		return s + describe(m.in) + " -> " + kinds(m.recs) + because(m.err)
	case m.begun != nil:
		return s + "begins " + m.begun.CommandID()
	case m.happened != nil:
		return s + "the world is changed by " + m.happened.CommandID() + ": " + string(m.outcome.Effect)
	default:
		return s + m.note
	}
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}

func describe(in engine.Input) string {
	if _, ok := in.(engine.Start); ok {
		return "Start"
	}
	s := fmt.Sprintf("%T %+v", in, in)
	return strings.TrimPrefix(s[:min(len(s), 230)], "engine.")
}

func kinds(recs []engine.Record) string {
	var out []string
	for _, rec := range recs {
		kind, data, _ := engine.MarshalEvent(rec.Event)
		out = append(out, kind+" "+string(data[:min(len(data), 120)]))
	}
	return "\n      " + strings.Join(out, "\n      ")
}
