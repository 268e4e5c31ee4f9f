package diagnose

import (
	"math"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// poolerView is what a pooler says, read once. Where there is none, or it was
// not read, present is false.
type poolerView struct {
	present bool
	busiest *capability.PoolerPool // the pool where most wait
	waiting float64                // clients that wait, in all pools
	used    float64                // client connections
	most    float64                // client connections that it takes
	before  *capability.PoolerTraffic
	now     *capability.PoolerTraffic
}

func readPooler(p *capability.PoolerOutput) poolerView {
	if p == nil {
		return poolerView{}
	}
	v := poolerView{present: true, used: float64(p.Used), most: float64(p.Limits.MaxClients), before: p.Baseline, now: p.Now}
	for i, pool := range p.Pools {
		v.waiting += float64(pool.Waiting)
		if v.busiest == nil || pool.Waiting > v.busiest.Waiting || pool.Waiting == v.busiest.Waiting && pool.ServersActive > v.busiest.ServersActive {
			v.busiest = &p.Pools[i]
		}
	}
	return v
}

// size is how many server connections the busiest pool may have.
func (p poolerView) size() int {
	size := p.busiest.Size
	if most := p.busiest.MaxServers; most != nil && *most < size {
		size = *most
	}
	return size
}

// keeps says that a transaction keeps its server connection far longer than
// before while its queries take as long as ever: something else is waited for in
// it.
func (p poolerView) keeps() bool {
	return p.slower() >= 1.5 && p.now.QueryS != nil && p.before.QueryS != nil && *p.now.QueryS < 1.5**p.before.QueryS
}

// paused says that the busiest pool lets nobody through, by order.
func (p poolerView) paused() bool {
	return p.present && p.busiest != nil && (p.busiest.Paused || p.busiest.Disabled)
}

// busier says that more transactions pass through it than before, each as quick
// as ever: it is no smaller than it was.
func (p poolerView) busier() bool {
	return p.now != nil && p.before != nil && p.now.TransactionsRPS >= 1.15*p.before.TransactionsRPS && p.slower() < 1.5
}

// queued says that clients wait there for a server connection.
func (p poolerView) queued() bool {
	return p.present && p.busiest != nil && (p.busiest.Waiting >= 2 && (p.busiest.MaxWaitS >= 0.1 || p.busiest.Waiting >= p.size()) || p.waits())
}

// waits says that clients have waited of late, far longer than before, whoever
// does just now.
func (p poolerView) waits() bool {
	return p.now != nil && p.before != nil && number(p.now.WaitS) >= math.Max(0.05, 3*zeroIfNaN(number(p.before.WaitS))) && p.busiest.Waiting > 0
}

// poolFull says that the busiest pool has no server connection left.
func (p poolerView) poolFull() bool {
	return p.present && p.busiest != nil && p.busiest.ServersIdle == 0 && float64(p.busiest.ServersActive) >= 0.9*float64(p.size())
}

// clientsFull says that the pooler takes no more clients.
func (p poolerView) clientsFull() bool {
	return p.present && p.most > 0 && p.used >= math.Min(p.most, math.Max(p.most-1, 0.98*p.most))
}

// longer is how much longer a transaction takes at the pooler than before, wait
// and work, seconds; NaN when it is not known.
func (p poolerView) longer() float64 {
	if p.now == nil || p.before == nil {
		return math.NaN()
	}
	return number(p.now.WaitS) + math.Max(0, number(p.now.TransactionS)-number(p.before.TransactionS))
}

// slower is by which factor a transaction holds its server connection longer
// than before; NaN when it is not known.
func (p poolerView) slower() float64 {
	if p.now == nil || p.before == nil || p.now.TransactionS == nil || p.before.TransactionS == nil {
		return math.NaN()
	}
	return *p.now.TransactionS / *p.before.TransactionS
}
