package runbook

import "time"

// tooShort refuses a timeout that is over before what it bounds can have gone
// well: plain waits take their time, and so do verifies that must hold.
func (f *flow) tooShort() {
	f.bounded(nil, f.p.book.Timeout, f.together(f.p.book.Steps, false))
	for _, s := range f.steps {
		if s.Group() {
			f.bounded(s, s.Timeout, f.inside(s)) // its own verify is not
		}
	}
}

// bounded looks at the timeout of a group, or of the run.
func (f *flow) bounded(s *Step, timeout, least time.Duration) {
	if timeout > 0 && timeout < least {
		f.p.addf(f.p.written[s].at("timeout"), "duration", "make it longer, or what is in it shorter",
			"the timeout %s is over before this can go well: its waits and verifies take at least %s", timeout, least)
	}
}

// together is how long steps take together at least, one after the other or side by
// side.
func (f *flow) together(steps []*Step, beside bool) time.Duration {
	var d time.Duration
	for _, s := range steps {
		if least := f.least(s); beside {
			d = max(d, least)
		} else {
			d += least
		}
	}
	return d
}

// inside is how long what is in a group takes at least; of a foreach nothing is
// known unless its list is written out.
func (f *flow) inside(s *Step) time.Duration {
	if s.Each != nil {
		items := 0
		if s.Each.List != nil && s.Each.MaxFailures == 0 {
			items = max(0, s.Each.List.Len())
		}
		rounds := (items + s.Each.Concurrency - 1) / s.Each.Concurrency
		return time.Duration(rounds) * f.together(s.Steps, false)
	}
	return f.together(s.Steps, s.Kind == KindParallel)
}

// least is how long a step takes at least when it goes well; nothing where it
// may be passed over.
func (f *flow) least(s *Step) time.Duration {
	if f.p.hasIf[s] || f.mayBeSkipped(s) {
		return 0
	}
	d := s.For
	if s.Group() {
		d = f.inside(s)
	}
	if s.Verify != nil {
		d += s.Verify.For
	}
	return d
}
