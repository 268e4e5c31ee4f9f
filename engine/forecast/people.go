package forecast

import (
	"github.com/firebreak-ops/firebreak/engine/runbook"
)

// gate foresees who would be asked.
func (w *walk) gate(s *runbook.Step, f *Step) {
	asking := s.Asking()
	if asking == nil || f.Happens == Done {
		return
	}
	g := &Gate{OnExpiry: asking.OnExpiry, Self: true}
	if a := s.Approve; a != nil {
		g.Quorum, g.ValidFor, g.Self = a.Quorum, Seconds(a.ValidFor), a.Self
	}
	for _, of := range asking.Of {
		role := w.base.Facts.Roles[of.Role]
		g.Roles = append(g.Roles, Role{
			Role: of.Role, For: Seconds(of.For), People: append([]string{}, role.People...), BreakGlass: role.BreakGlass,
		})
	}
	f.Gate = g
}

// open is how long a gate stays open.
func open(a *runbook.Asking) Seconds { return Seconds(a.Expires()) }
