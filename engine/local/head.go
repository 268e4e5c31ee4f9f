package local

import (
	"slices"

	"github.com/firebreak-ops/firebreak/engine"
)

// settled reports whether nothing will ever follow: the run has ended, and
// everybody has been told.
func settled(r engine.Run, want []engine.Command) bool {
	return r.Ended() && len(want) == 0
}

// head is what a list shows of a run; want is what it has open.
func head(r engine.Run, want []engine.Command) engine.Head {
	h := engine.Head{
		ID:        r.Facts.ID,
		Runbook:   r.Facts.Runbook,
		Service:   r.Facts.Service,
		Requester: r.Facts.Requester,
		Phase:     r.Phase,
		Word:      r.Word,
		Waiting:   waiting(r),
		Asks:      len(r.OpenQuestions()),
		Changed:   changed(r),
		StartedAt: r.StartedAt,
		ChangedAt: r.ChangedAt,
		EndedAt:   r.EndedAt,
		Seq:       r.Seq,
		Settled:   settled(r, want),
	}
	if r.Bar != nil {
		h.Bar = r.Bar.Class
	}
	if !r.ChangedAt.IsZero() {
		h.May = r.MayChange()
	}
	return h
}

// changed counts the changes that a run has begun and that may have done
// something; those that it is to undo are another's.
func changed(r engine.Run) (n int) {
	for _, row := range r.Ledger {
		if row.State != engine.RowNone {
			n++
		}
	}
	return n - len(r.Facts.Undo)
}

// waiting names what a run waits for, sorted; empty while it works.
func waiting(r engine.Run) []string {
	var on []string
	for _, w := range r.Waits() {
		on = append(on, w.On)
	}
	slices.Sort(on)
	return slices.Compact(on)
}
