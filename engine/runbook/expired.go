package runbook

// Expired returns a problem for every verify that is waived with a last_day
// before the given day, YYYY-MM-DD in UTC.
func (r *Runbook) Expired(day string) []Problem {
	p := problems{}
	for _, s := range r.All() {
		p.file = s.Frame.File
		p.expired(s, day)
	}
	return p.sorted()
}

func (p *problems) expired(s *Step, day string) {
	if v := s.Verify; v != nil && v.None != "" && v.LastDay != "" && v.LastDay < day {
		p.addf(v.Pos, "waiver-expired", "verify it, or let "+v.Owner+" say again why not, with a later last_day",
			"the verify of %s is waived until %s only", s.Path, v.LastDay)
	}
}
