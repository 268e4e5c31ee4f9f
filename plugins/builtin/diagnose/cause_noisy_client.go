package diagnose

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var noisyClient = cause{
	id: capability.NoisyClient, layer: capability.ServerSlots,
	text:  "Another program holds so many of the server's slots that the service gets none.",
	signs: "No slot is free, and a login or application that is not the service's holds a third of them and more.",
	unlike: []lookAlike{
		{capability.ReplicasTimesPool, "it is the service's own replicas that hold them"},
		{capability.DBMaxConnectionsTooLow, "the service holds them, and the limit was lowered"},
	},
	judge: judgeNoisyClient,
}

func judgeNoisyClient(v *view) *claim {
	switch {
	case !v.database:
		if v.refusedUnsaid() {
			c := &claim{actions: findHolder()}
			c.speaksFor(v.refusedWeight(), v.notOpening())
			return c
		}
		if v.met(slotErrors) == 0 || v.met(awayErrors) > 0 || v.lostAll() || v.named() != "" || v.morePools() {
			return notBecause("the server could not be read")
		}
		c := &claim{actions: findHolder()}
		c.thenf("the server has no slot left, and the service did not take them")
		c.speaksFor(0.45, v.errorsMet(slotErrors))
		return c
	case !v.slotsShort():
		return notBecause("%d of %.0f slots are free", v.in.Database.Free, v.usable)
	}
	other := v.other()
	if n := v.strangers(); n >= 0.3*float64(v.in.Database.Used) && v.cannotOpen() {
		c := &claim{actions: findHolder()}
		c.thenf("%.0f of %.0f slots are held by others than the service", n, v.usable)
		c.speaksFor(0.55, v.slots())
		return c
	}
	if other == nil {
		return notBecause("nobody but the service holds a third of the slots")
	}
	c := &claim{}
	service := v.service(v.holders())
	c.thenf("%s holds %.0f of %.0f slots", other, other.count, v.usable)
	o := observation{
		source: database, query: slotsSQL, at: v.databaseAt(),
		observed: fmt.Sprintf("%s holds %.0f slots, %s %.0f, of %.0f; a fresh connection: %s", other, other.count, service, service.count, v.usable, connectWords(v.in.Database.Connect)),
		expected: "no other program with a third of the slots",
	}
	c.speaksFor(0.68, o)
	if v.pool {
		// Where no slot is free, even a few that the pools lack tell.
		lacks := v.now.acquired+zeroIfNaN(v.idle) < v.now.max
		c.weigh(!v.full() || lacks && v.refused() && v.queued(), 0.28, 0.2, v.notOpening())
	}
	switch {
	case v.limitFell():
		c.speaksAgainst(0.4, v.limitNow())
	case v.pool && v.morePools():
		c.speaksAgainst(0.35, v.poolsGrew())
	}
	curb := byHand("limit_role", other.user, capability.LowRisk,
		fmt.Sprintf("ALTER ROLE %q CONNECTION LIMIT, so that it gets no more; what runs stays. Ask its owner to pause it first.", other.user))
	curb.Reversible, curb.Action, curb.Approval = true, limitAction, capability.OneClick
	c.actions = []capability.Remedy{
		curb,
		endSessions("terminate_surplus", "terminate", other.String(), capability.MediumRisk,
			"Terminate its surplus, youngest first: its job fails. Ask whether it can be resumed.", "no_superuser_or_backup"),
	}
	return c
}

func findHolder() []capability.Remedy {
	return []capability.Remedy{byHand("find_holder", "the server", capability.LowRisk, "Look who holds its slots: "+slotsSQL)}
}
