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
		return notBecause("the server could not be read")
	case !v.slotsShort():
		return notBecause("%d of %.0f slots are free", v.in.Database.Free, v.usable)
	}
	other := v.other()
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
		c.weigh(!v.full(), 0.28, 0.2, v.notOpening())
	}
	c.actions = []capability.Remedy{
		byHand("limit_role", other.user, capability.LowRisk,
			fmt.Sprintf("ALTER ROLE %q CONNECTION LIMIT, so that it gets no more; what runs stays. Ask its owner to pause it first.", other.user)),
		endSessions("terminate_surplus", "terminate", other.String(), capability.MediumRisk,
			"Terminate its surplus, youngest first: its job fails. Ask whether it can be resumed.", "no_superuser_or_backup"),
	}
	return c
}
