package diagnose

import (
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// tooManyConnections is the SQLSTATE of a server that has no slot.
const tooManyConnections = "53300"

const (
	appPool       = "app pool"
	postgresSlots = "postgres slots"
	poolerServers = "pooler server connections"
	poolerClients = "pooler clients"
)

// resource is something that can be used up.
type resource struct {
	capability.Saturation
	layer capability.Layer
	full  bool
}

// resources lists what was looked at, in the order in which shortage spreads:
// the server's slots before the pooler, and that before the pool, since each
// fills up behind the one before.
func (v *view) resources() []resource {
	var out []resource
	add := func(what string, layer capability.Layer, used, most float64, full bool) {
		out = append(out, resource{capability.Saturation{What: what, Used: int(zeroIfNaN(used)), Max: int(zeroIfNaN(most))}, layer, full})
	}
	if v.database {
		add(postgresSlots, capability.ServerSlots, float64(v.in.Database.Used), v.usable, v.refused())
		if l := v.limitReached(); l != nil && v.limitPinches() && finite(l.most) {
			add("connections of the "+l.of, capability.ServerSlots, l.used, l.most, true)
		}
	}
	if v.pooler.present {
		add(poolerClients, capability.Pooler, v.pooler.used, v.pooler.most, v.pooler.clientsFull())
		if p := v.pooler.busiest; p != nil {
			add(poolerServers, capability.Pooler, float64(p.ServersActive), float64(v.pooler.size()), v.pooler.poolFull() && v.pooler.queued())
		}
	}
	if v.pool {
		add(appPool, capability.AppPool, math.Min(v.now.max, v.now.acquired+v.soonOpen()), v.now.max, v.full())
	}
	return out
}

// saturated is what is used up, nearest to the server.
func (v *view) saturated() *capability.Saturation {
	for _, r := range v.resources() {
		if r.full {
			return &r.Saturation
		}
	}
	return nil
}

// notSaturated is what was looked at and has room.
func (v *view) notSaturated() []capability.Saturation {
	var out []capability.Saturation
	for _, r := range v.resources() {
		if !r.full {
			out = append(out, r.Saturation)
		}
	}
	return out
}

// layer is where things run out when no cause is named.
func (v *view) layer() *capability.Layer {
	var l capability.Layer
	switch {
	case !v.trouble():
		return nil
	case v.standstill() && !v.refused():
		l = capability.Sessions
	case v.pooler.paused():
		l = capability.Pooler
	default:
		for _, r := range v.resources() {
			if r.full {
				return &r.layer
			}
		}
		if !v.cannotOpen() && !v.connectBroken() {
			return nil
		}
		l = capability.Network
	}
	return &l
}
