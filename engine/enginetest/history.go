package enginetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// recorded is a history as it is kept: all that the judge saw, what it said of
// it, and how the runs stood in the end.
type recorded struct {
	About   string
	Verdict string            // empty: nothing was wrong
	Books   map[string]string // source of the runbook by run
	Ends    map[string]end
	Moments []keptMoment
}

// end is how a run stood when its history was over.
type end struct {
	Seq     int
	Phase   engine.Phase
	Word    engine.Word `json:",omitempty"`
	Ledger  []string    `json:",omitempty"` // path#attempt state
	Steps   []string    `json:",omitempty"` // path status
	Pending []string    `json:",omitempty"` // ids of what should be open
}

// keptMoment is a moment in JSON.
type keptMoment struct {
	At       time.Time
	Run      string          `json:",omitempty"`
	Input    *kept           `json:",omitempty"`
	Records  []keptRecord    `json:",omitempty"`
	Error    string          `json:",omitempty"` // refused, stale, or another
	Begun    *kept           `json:",omitempty"`
	Happened *kept           `json:",omitempty"`
	Outcome  *engine.Outcome `json:",omitempty"`
	Note     string          `json:",omitempty"`
}

type keptRecord struct {
	Seq  int
	At   time.Time
	Kind string
	Data json.RawMessage
}

// kept is a value of one of the kinds below.
type kept struct {
	Kind string
	Data json.RawMessage
}

// keepable are all inputs, and the commands that change something.
var keepable = []any{
	engine.Start{}, engine.Recovered{}, engine.AlertResolved{}, engine.Freeze{}, engine.Barred{}, engine.ChangeMade{}, engine.LocksGranted{}, engine.LocksBusy{}, engine.Joined{}, engine.Notified{}, engine.Planned{},
	engine.Probed{}, engine.Returned{}, engine.TimerFired{},
	engine.Vote{}, engine.Answer{}, engine.Cancel{}, engine.Halt{}, engine.Lift{}, engine.Skip{}, engine.UndoRun{},
	engine.Withdraw{}, engine.Hand{}, engine.Extend{}, engine.LookedAt{}, engine.Hold{}, engine.TakeOver{}, engine.HandBack{}, engine.BreakLock{}, engine.Provide{},
	engine.Act{}, engine.Undo{},
}

func keep(v any) (*kept, error) {
	kind := reflect.TypeOf(v).Name()
	if !slices.ContainsFunc(keepable, func(k any) bool { return reflect.TypeOf(k) == reflect.TypeOf(v) }) {
		return nil, fmt.Errorf("%T is not among the kinds that a history keeps: add it to keepable", v)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("keep %T: %w", v, err)
	}
	return &kept{kind, data}, nil
}

func (k *kept) value() (any, error) {
	i := slices.IndexFunc(keepable, func(v any) bool { return reflect.TypeOf(v).Name() == k.Kind })
	if i < 0 {
		return nil, fmt.Errorf("no kind is called %s", k.Kind)
	}
	v := reflect.New(reflect.TypeOf(keepable[i]))
	if err := json.Unmarshal(k.Data, v.Interface()); err != nil {
		return nil, fmt.Errorf("read a kept %s: %w", k.Kind, err)
	}
	return v.Elem().Interface(), nil
}

// errOf is the error of a moment, by what is kept of it.
func errOf(s string) error {
	switch s {
	case "":
		return nil
	case "stale":
		return engine.ErrStale
	case "refused":
		return &engine.Refusal{}
	default:
		return errors.New(s)
	}
}

func nameOf(err error) string {
	var refused *engine.Refusal
	switch {
	case err == nil:
		return ""
	case errors.Is(err, engine.ErrStale):
		return "stale"
	case errors.As(err, &refused):
		return "refused"
	default:
		return err.Error()
	}
}

// keep makes a moment ready to be kept.
func (m moment) keep() (keptMoment, error) {
	k := keptMoment{At: m.at, Run: m.run, Error: nameOf(m.err), Outcome: m.outcome, Note: m.note}
	var errs [4]error
	if m.in != nil {
		k.Input, errs[0] = keep(m.in)
	}
	if m.begun != nil {
		k.Begun, errs[1] = keep(m.begun)
	}
	if m.happened != nil {
		k.Happened, errs[2] = keep(m.happened)
	}
	for _, rec := range m.recs {
		kind, data, err := engine.MarshalEvent(rec.Event)
		errs[3] = errors.Join(errs[3], err)
		k.Records = append(k.Records, keptRecord{rec.Seq, rec.At, kind, data})
	}
	return k, errors.Join(errs[:]...)
}

// moment is what was kept.
func (k keptMoment) moment() (moment, error) {
	m := moment{at: k.At, run: k.Run, err: errOf(k.Error), outcome: k.Outcome, note: k.Note}
	var errs []error
	take := func(k *kept) any {
		if k == nil {
			return nil
		}
		v, err := k.value()
		errs = append(errs, err)
		return v
	}
	m.in, _ = take(k.Input).(engine.Input)
	m.begun, _ = take(k.Begun).(engine.Command)
	m.happened, _ = take(k.Happened).(engine.Command)
	for _, rec := range k.Records {
		e, err := engine.UnmarshalEvent(rec.Kind, rec.Data)
		errs = append(errs, err)
		m.recs = append(m.recs, engine.Record{Seq: rec.Seq, At: rec.At, Event: e})
	}
	return m, errors.Join(errs...)
}

// replay lets the judge see a history again, and folds its records.
func (h *recorded) replay() (verdict string, ends map[string]end, err error) {
	j := newJudge()
	runs := map[string]engine.Run{}
	for id, src := range h.Books {
		book, _, problems := Book(src)
		if len(problems) > 0 {
			return "", nil, fmt.Errorf("the runbook of %s: %s", id, problems[0])
		}
		j.add(id, book)
		runs[id] = engine.New(book)
	}
	for i, k := range h.Moments {
		m, err := k.moment()
		if err != nil {
			return "", nil, fmt.Errorf("moment %d: %w", i, err)
		}
		r := runs[m.run]
		for _, rec := range m.recs {
			r = engine.Apply(r, rec)
		}
		runs[m.run] = r
		if err := j.see(m); err != nil && verdict == "" {
			verdict = err.Error()
		}
	}
	ends = map[string]end{}
	for id := range h.Books {
		e := endOf(runs[id])
		if verdict != "" {
			e.Pending = nil // an engine that did wrong says nothing of what should be open
		}
		ends[id] = e
	}
	return verdict, ends, nil
}

func endOf(r engine.Run) end {
	e := end{Seq: r.Seq, Phase: r.Phase, Word: r.Word}
	for _, row := range r.Ledger {
		e.Ledger = append(e.Ledger, fmt.Sprintf("%s#%d %s", row.Path, row.Attempt, row.State))
	}
	r.Tree(func(step *runbook.Step, s engine.Step) {
		e.Steps = append(e.Steps, fmt.Sprintf("%s %s", step.Path, s.Status))
	})
	for _, c := range engine.Pending(r) {
		e.Pending = append(e.Pending, c.CommandID())
	}
	return e
}

// record keeps the history of a town.
func (t *town) record(about string) (*recorded, error) {
	h := &recorded{About: about, Books: map[string]string{}}
	for _, l := range t.lives[:t.open] {
		h.Books[l.id] = l.src
	}
	for _, m := range t.history {
		k, err := m.keep()
		if err != nil {
			return nil, err
		}
		h.Moments = append(h.Moments, k)
	}
	var err error
	if h.Verdict, h.Ends, err = h.replay(); err != nil {
		return nil, err
	}
	return h, nil
}

// bytes writes a history with one moment a line.
func (h *recorded) bytes() ([]byte, error) {
	moments := h.Moments
	head := *h
	head.Moments = nil
	out, err := json.MarshalIndent(head, "", "  ") //nolint:musttag // the fields are called as their keys
	if err != nil {
		return nil, fmt.Errorf("write a history: %w", err)
	}
	out = bytes.TrimSuffix(out, []byte("null\n}"))
	out = append(out, "[\n"...)
	for i, m := range moments {
		line, err := json.Marshal(m) //nolint:musttag // as above
		if err != nil {
			return nil, fmt.Errorf("write a history: %w", err)
		}
		if i > 0 {
			out = append(out, ",\n"...)
		}
		out = append(append(out, "    "...), line...)
	}
	return append(out, "\n  ]\n}\n"...), nil
}
