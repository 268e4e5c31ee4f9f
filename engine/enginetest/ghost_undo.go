package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
)

// putBack is what is known of taking one change back, beside the calls: its
// verify, and how often it was tried again.
type putBack struct {
	looking  bool    // its verify is on, or a person is asked about it
	samples  []Taken // since that began
	accepted bool    // by a person, whatever they show
	tries    int     // that failed and may be made again
}

// back is what is known of taking an attempt of a step back.
func (g *ghost) back(path string, attempt int) *putBack {
	key := fmt.Sprint(path, "#", attempt)
	if g.backs[key] == nil {
		g.backs[key] = &putBack{}
	}
	return g.backs[key]
}

// looked notes a sample of the verify of an undo.
func (g *ghost) looked(in engine.Returned) {
	path, attempt, _ := split(in.ID)
	if in.Outcome.Failure == nil {
		b := g.back(path, attempt)
		b.samples = append(b.samples, Taken{g.j.now, strings.Contains(string(in.Outcome.Outputs), "true")})
	}
}

// again reports whether an undo that is known not to have happened may be tried
// again as the runbook says, and counts that.
func (g *ghost) again(path string, attempt int, f *engine.Failure) bool {
	step, b := g.book.Step(path), g.back(path, attempt)
	if f == nil || step.Undo.Retry == nil || b.tries+1 >= step.Undo.Retry.Attempts || !slices.Contains(step.Undo.Retry.On, f.Class) {
		return false
	}
	b.tries++
	return true
}

// verdict: the verify of an undo fails by itself only when it has seen enough.
func (g *ghost) verdict(e engine.UndoVerdict) {
	b := g.back(e.Path, e.Attempt)
	bad := slices.ContainsFunc(b.samples, func(s Taken) bool { return !s.ok })
	if e.Verdict == "failed" && (len(b.samples) < 3 || !bad) {
		g.failf("the verify of the undo of %s is failed by itself after %v", e.Path, b.samples)
	}
}

// putsBack: a change is undone once the verify of its undo has held for as long
// as the runbook says, or a person has accepted it.
func (g *ghost) putsBack(e engine.StepUndone) {
	b, v := g.back(e.Path, e.Attempt), g.book.Step(e.Path).Undo.Verify
	b.looking = false
	if v == nil || b.accepted {
		return
	}
	if since := heldSince(b.samples); since.IsZero() || g.j.now.Sub(since) < v.For {
		g.failf("%s counts as undone, and the verify of its undo never held: %v", e.Path, b.samples)
	}
}

// failsBack: an undo that was given up has failed, also one that was done and
// whose verify failed, or that nobody vouches for.
func (g *ghost) failsBack(e engine.UndoFailed) {
	g.back(e.Path, e.Attempt).looking = false
	g.undoFailedAt = g.n
	if e.Class != "verify" {
		return
	}
	for _, c := range g.calls {
		if c.undo && c.path == e.Path && c.attempt == e.Attempt && c.known == "applied" {
			c.known = "failed"
		}
	}
}

// heldSince is since when the samples, up to the last one, are true; zero: the
// last one is not.
func heldSince(samples []Taken) time.Time {
	var since time.Time
	for _, s := range samples {
		switch {
		case !s.ok:
			since = time.Time{}
		case since.IsZero():
			since = s.at
		}
	}
	return since
}
