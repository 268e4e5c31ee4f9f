package diagnose

import (
	"fmt"
	"strings"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

var pgbouncerMaxClient = cause{
	id: capability.PgbouncerMaxClientConn, layer: capability.Pooler,
	text:  "The pooler takes no more clients: max_client_conn is used up.",
	signs: "The pooler has as many clients as it takes, and refuses others; it has server connections free.",
	unlike: []lookAlike{
		{capability.PgbouncerPoolTooSmall, "clients are let in, and wait for a server connection"},
		{capability.ClientFDOrPortLimit, "the pooler takes clients"},
	},
	judge: judgePoolerClients,
}

func judgePoolerClients(v *view) *claim {
	named := v.database && strings.Contains(v.in.Database.Connect.Text, "max_client_conn")
	switch {
	case !v.pooler.present && !named && v.met(poolerErrors) > 0 && !v.full():
		c := &claim{actions: poolerClientsActions()}
		c.thenf("the pooler refuses clients")
		c.speaksFor(0.75, v.errorsMet(poolerErrors))
		return c
	case !v.pooler.present && !named && v.refusedUnsaid():
		c := &claim{actions: poolerClientsActions()}
		c.thenf("a pooler refuses clients, if there is one")
		weight := 0.2
		if v.refusedFast() {
			weight = 0.5
		}
		c.speaksFor(weight, v.notOpening())
		return c
	case !v.pooler.present && !named:
		return notBecause("there is no pooler, or it could not be read")
	case v.pooler.present && !v.pooler.clientsFull():
		return notBecause("the pooler has %.0f of %.0f clients", v.pooler.used, v.pooler.most)
	}
	c := &claim{}
	if v.pooler.present {
		c.thenf("pooler clients %.0f/%.0f", v.pooler.used, v.pooler.most)
		weight := 0.65
		if v.pool && !v.cannotOpen() && (v.full() || v.idle > 0.1*v.now.max) {
			weight = 0.4
		}
		c.speaksFor(weight, observation{
			source: pooler, query: "SHOW LISTS; SHOW CONFIG", at: v.poolerAt(),
			observed: fmt.Sprintf("%.0f of %.0f clients connected", v.pooler.used, v.pooler.most), expected: "clients left",
		})
	}
	if named {
		c.speaksFor(0.65, v.slots())
	}
	if v.met(poolerErrors) > 0 {
		c.speaksFor(0.2, v.errorsMet(poolerErrors))
	}
	if v.cannotOpen() {
		c.speaksFor(0.25, v.notOpening())
	}
	c.serverHasRoom(v, 0.05)
	if change := v.changeTo(poolerMost, loweredTo(v.pooler.most)); change != nil {
		c.blame(change, 0.1, "the limit that the pooler has now")
		c.actions = append(c.actions, revertChange(change, ", and reload the pooler."))
	}
	c.actions = append(c.actions, poolerClientsActions()...)
	return c
}

func poolerClientsActions() []capability.Remedy {
	return []capability.Remedy{{
		ID: "raise_max_clients", Kind: "scale", Action: resizeAction, Target: "max_client_conn",
		Risk: capability.LowRisk, Reversible: true, Approval: capability.OneClick,
		Text:   "Raise max_client_conn: it holds at once. Each client needs a file descriptor of the pooler.",
		Guards: []string{"fds_left"}, Verify: afterwards(),
	}}
}
