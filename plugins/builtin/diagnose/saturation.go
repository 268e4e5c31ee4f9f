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
)

func (v *view) poolUse() capability.Saturation {
	return capability.Saturation{What: appPool, Used: int(v.acquired), Max: int(v.max)}
}

func (v *view) slotUse() capability.Saturation {
	return capability.Saturation{What: postgresSlots, Used: v.in.Database.Used, Max: int(v.usable)}
}

// saturated is what is used up: the server's slots before the pool's, since
// the pool fills up behind them.
func (v *view) saturated() *capability.Saturation {
	var s capability.Saturation
	switch {
	case v.refused():
		s = v.slotUse()
	case v.full():
		s = v.poolUse()
	default:
		return nil
	}
	return &s
}

// notSaturated is what was looked at and has room.
func (v *view) notSaturated() []capability.Saturation {
	var out []capability.Saturation
	if v.pool && !v.full() {
		out = append(out, v.poolUse())
	}
	if v.database && !v.refused() {
		out = append(out, v.slotUse())
	}
	return out
}

// layer is where a cause is at work; for unknown, where things run out.
func (v *view) layer(cause capability.Cause) *capability.Layer {
	var l capability.Layer
	switch cause {
	case capability.AppPoolTooSmall, capability.TrafficSpike, capability.ConnectionLeak:
		l = capability.AppPool
	case capability.SlowQuery, capability.IdleInTransaction, capability.LockBlocking:
		l = capability.Sessions
	case capability.DBMaxConnectionsTooLow:
		l = capability.ServerSlots
	default:
		switch {
		case !v.trouble():
			return nil
		case v.refused():
			l = capability.ServerSlots
		case v.locked >= math.Max(2, 0.2*v.sessions):
			l = capability.Sessions
		case v.full():
			l = capability.AppPool
		default:
			return nil
		}
	}
	return &l
}
