package diagnose

import (
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var roleOrDBLimit = cause{
	id: capability.RoleOrDBLimit, layer: capability.ServerSlots,
	text:  "A connection limit of the role or of the database is used up, while the server has slots.",
	signs: "The server names the role or database that has too many connections, or its limit is reached; other slots are free.",
	unlike: []lookAlike{
		{capability.DBMaxConnectionsTooLow, "no slot of the server is free"},
		{capability.ClientFDOrPortLimit, "no limit of the server is reached"},
	},
	judge: judgeLimit,
}

func judgeLimit(v *view) *claim {
	if !v.database {
		return v.limitBySaying()
	}
	l := v.limitReached()
	switch {
	case l == nil && v.met(slotErrors) > 0 && v.cannotOpen() && !v.slotsShort():
		// A narrower limit it must be, whichever.
		c := &claim{actions: []capability.Remedy{raiseLimit("role or database")}}
		c.thenf("the server refuses connections, and has slots free")
		c.speaksFor(0.5, v.errorsMet(slotErrors))
		c.speaksFor(0.3, observation{
			source: database, query: slotsSQL, at: v.databaseAt(),
			observed: fmt.Sprintf("%d of %.0f slots are free", v.in.Database.Free, v.usable), expected: "none, where it refuses for want of them",
		})
		return c
	case l == nil && v.refusedInside() && !v.slotsShort() && !v.in.Database.ReadOnly && !v.meetsRefusals():
		c := &claim{actions: []capability.Remedy{raiseLimit("database")}}
		c.thenf("the database refuses connections, and the server has slots free")
		c.speaksFor(0.5, observation{
			source: database, at: v.databaseAt(),
			query:    "select datname, xact_rollback from pg_stat_database -- twice",
			observed: fmt.Sprintf("%s rolled back, were %s; %s connections tried; %d of %.0f slots are free", rate(v.traffic().RollbacksRPS), rate(v.usual().RollbacksRPS), rate(v.now.connects), v.in.Database.Free, v.usable),
			expected: "as few as before: a login that the database refuses is rolled back",
		})
		c.speaksFor(0.1, v.notOpening())
		return c
	case l == nil && v.databaseStandsIn && len(v.in.Pool.Database.Limits) == 0 && !v.slotsShort() && v.failsByOpening() && !v.hasNone() && !v.refusedFast() && v.hasFiles() && !v.meetsRefusals():
		// The exporter does not say that a limit is reached, nor that there is
		// none. The server has room, and so has the service's machine.
		c := &claim{actions: []capability.Remedy{raiseLimit("role or database")}}
		c.thenf("connections are refused, and the server has slots free")
		c.speaksFor(0.3, v.notOpening())
		c.speaksFor(0.15, v.slots())
		return c
	case l == nil:
		return notBecause("no limit of the role or the database is reached")
	case !v.limitPinches():
		return notBecause("the limit of the %s is reached, and nobody wants more connections", l.of)
	case v.full():
		return notBecause("the pool has opened all that it may: %.0f of %.0f in use", v.now.acquired, v.now.max)
	}
	c := &claim{}
	name := strings.TrimSpace(l.of + " " + l.name)
	if finite(l.most) {
		c.thenf("limit of the %s: %.0f of %.0f connections", name, l.used, l.most)
	} else {
		c.thenf("limit of the %s", name)
	}
	observed := fmt.Sprintf("the %s has %.0f sessions, and its limit is %.0f; %d of %.0f slots are free", name, l.used, l.most, v.in.Database.Free, v.usable)
	if l.words != "" {
		observed = "a fresh connection: " + l.words
	}
	c.speaksFor(0.65, observation{
		source: database, at: v.databaseAt(),
		query:    "select rolname, rolconnlimit from pg_roles where rolconnlimit >= 0; select datname, datconnlimit from pg_database; " + slotsSQL,
		observed: observed, expected: "no limit, or one that is not reached",
	})
	if v.cannotOpen() {
		c.speaksFor(0.3, v.notOpening())
	}
	if change := v.changeTo(narrowLimit, loweredTo(l.most)); change != nil {
		c.blame(change, 0.1, "the limit that the server has now")
		c.actions = append(c.actions, revertChange(change, "."))
	}
	c.actions = append(c.actions, raiseLimit(name))
	return c
}

// limitBySaying is what is said of a limit where the server could not be read:
// to our own login, or to the service.
func (v *view) limitBySaying() *claim {
	c := &claim{actions: []capability.Remedy{raiseLimit("role or database")}}
	of := namedLimit(v.refusal.Text)
	switch {
	case of == "database":
		// It may be that of our own role only; that of a database is
		// everybody's.
		c.thenf("the limit of the database is used up")
		c.speaksFor(0.65, v.refusedLogin())
	case v.named() != "":
		c.thenf("the limit of the %s is used up", v.named())
	case v.refusedUnsaid():
		c.speaksFor(v.refusedWeight(), v.notOpening())
		return c
	case v.met(slotErrors) == 0:
		return notBecause("the server could not be read, and nobody says that it refuses connections")
	case v.met(awayErrors) > 0 || v.lostAll():
		return notBecause("the server went away, too: no limit does that")
	}
	if n := v.met(slotErrors); n > 0 {
		weight := 0.5
		if v.named() != "" {
			weight = 0.75
		}
		c.speaksFor(weight, v.errorsMet(slotErrors))
	}
	if v.cannotOpen() {
		c.speaksFor(0.05, v.notOpening())
	}
	return c
}

// refusedWeight is what it says for a limit of the server that connections are
// refused, and nobody says by whom.
func (v *view) refusedWeight() float64 {
	if v.refusedFast() || v.lostAll() { // a pooler does the one, a restart the other
		return 0.15
	}
	return 0.25
}

func raiseLimit(name string) capability.Remedy {
	alter := byHand("raise_limit", name, capability.LowRisk,
		"ALTER ROLE or ALTER DATABASE … CONNECTION LIMIT: it holds for new sessions at once, and restarts nothing. All limits together must fit into the server.")
	alter.Reversible, alter.Guards, alter.Action, alter.Approval = true, []string{"sum_limits_le_usable"}, limitAction, capability.OneClick
	return alter
}
