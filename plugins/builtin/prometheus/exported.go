package prometheus

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// Series of exporters that are read label by label.
const (
	activityCount  = "pg_stat_activity_count"
	activityOldest = "pg_stat_activity_max_tx_duration"
	rolesLimit     = "pg_roles_connection_limit"
	databasesLimit = "pg_database_connection_limit"
	poolSize       = "pgbouncer_databases_pool_size"
	poolPaused     = "pgbouncer_databases_paused"
	poolDisabled   = "pgbouncer_databases_disabled"
	poolsWaiting   = "pgbouncer_pools_client_waiting_connections"
	poolsOldest    = "pgbouncer_pools_client_maxwait_seconds"
	poolsActive    = "pgbouncer_pools_server_active_connections"
	poolsIdle      = "pgbouncer_pools_server_idle_connections"
	poolsUsed      = "pgbouncer_pools_server_used_connections" // at rest, and not yet looked at
)

var poolSeries = []string{poolsWaiting, poolsOldest, poolsActive, poolsIdle, poolsUsed}

// exports is what exporters of a database and of a pooler say row by row.
type exports struct {
	sessions []capability.ExportedSessions
	limits   []capability.ExportedLimit
	pools    []capability.ExportedPool
}

func exportsOf(byName map[string][]*model.Sample) exports {
	return exports{sessions: sessionsOf(byName), limits: limitsOf(byName), pools: poolsOf(byName)}
}

// sessionsOf leaves out the kinds of which there is no session.
func sessionsOf(byName map[string][]*model.Sample) []capability.ExportedSessions {
	key := func(m model.Metric) capability.ExportedSessions {
		return capability.ExportedSessions{
			Database: string(m["datname"]), User: string(m["usename"]), Application: string(m["application_name"]),
			State: string(m["state"]), Wait: string(m["wait_event_type"]),
		}
	}
	counts, oldest := map[capability.ExportedSessions]int{}, map[capability.ExportedSessions]float64{}
	for _, sample := range byName[activityCount] {
		counts[key(sample.Metric)] += int(sample.Value)
	}
	for _, sample := range byName[activityOldest] {
		k := key(sample.Metric)
		oldest[k] = max(oldest[k], float64(sample.Value))
	}
	var out []capability.ExportedSessions
	for k, n := range counts {
		if n <= 0 {
			continue
		}
		row := k
		row.Count = n
		if age, ok := oldest[k]; ok {
			row.OldestS = &age
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b capability.ExportedSessions) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Database, b.Database), cmp.Compare(a.User, b.User),
			cmp.Compare(a.Application, b.Application), cmp.Compare(a.State, b.State), cmp.Compare(a.Wait, b.Wait))
	})
	return out
}

func limitsOf(byName map[string][]*model.Sample) []capability.ExportedLimit {
	var out []capability.ExportedLimit
	for _, sample := range byName[rolesLimit] {
		if sample.Value >= 0 {
			out = append(out, capability.ExportedLimit{Role: string(sample.Metric["rolname"]), Most: int(sample.Value)})
		}
	}
	for _, sample := range byName[databasesLimit] {
		if sample.Value >= 0 {
			out = append(out, capability.ExportedLimit{Database: string(sample.Metric["datname"]), Most: int(sample.Value)})
		}
	}
	slices.SortFunc(out, func(a, b capability.ExportedLimit) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Database, b.Database))
	})
	return out
}

// console is the database of a pooler that is no database.
const console = "pgbouncer"

func poolsOf(byName map[string][]*model.Sample) []capability.ExportedPool {
	type name struct{ database, user string }
	pools := map[name]*capability.ExportedPool{}
	for _, series := range poolSeries {
		for _, sample := range byName[series] {
			k := name{string(sample.Metric["database"]), string(sample.Metric["user"])}
			if k.database == console {
				continue
			}
			p := pools[k]
			if p == nil {
				p = &capability.ExportedPool{Database: k.database, User: k.user}
				pools[k] = p
			}
			n := int(sample.Value)
			switch series {
			case poolsWaiting:
				p.Waiting += n
			case poolsOldest:
				v := float64(sample.Value)
				p.OldestS = &v
			case poolsActive:
				p.Active += n
			default:
				p.Idle += n
			}
		}
	}
	for _, p := range pools {
		of := func(series string) *int {
			for _, sample := range byName[series] {
				if string(sample.Metric["name"]) == p.Database {
					n := int(sample.Value)
					return &n
				}
			}
			return nil
		}
		isSet := func(n *int) bool { return n != nil && *n > 0 }
		p.Size = of(poolSize)
		p.Paused = isSet(of(poolPaused)) || isSet(of(poolDisabled))
	}
	var out []capability.ExportedPool
	for _, p := range pools {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b capability.ExportedPool) int {
		return cmp.Or(b.Waiting-a.Waiting, cmp.Compare(a.Database, b.Database), cmp.Compare(a.User, b.User))
	})
	return out
}

// exported is what exporters say of the database and of the pooler, null where
// there are none. Of several exporters of one the sums count, as of their
// series, and it is up where all are. 'Now' is what is after from, and the
// baseline what is before until.
func exported(histories []history, from, until time.Time) (*capability.ExportedDatabase, *capability.ExportedPooler) {
	now := emptySnapshot(latest(histories))
	for _, h := range histories {
		n := len(h.snapshots)
		if n == 0 {
			continue
		}
		last := h.snapshots[n-1]
		for f := databaseUp; f < figures; f++ {
			v := last.figures[f]
			switch {
			case math.IsNaN(v):
			case f == databaseUp || f == poolerUp:
				if math.IsNaN(now.figures[f]) || v < now.figures[f] {
					now.figures[f] = v
				}
			default:
				now.count(f, v)
			}
		}
		now.sessions = append(now.sessions, last.sessions...)
		now.limits = append(now.limits, last.limits...)
		now.pools = append(now.pools, last.pools...)
	}
	said := func(f figure) bool { return !math.IsNaN(now.figures[f]) }
	var d *capability.ExportedDatabase
	if said(databaseUp) || said(databaseMax) {
		d = &capability.ExportedDatabase{
			Up:  !said(databaseUp) || now.figures[databaseUp] > 0,
			Max: integer(now.figures[databaseMax]), Reserved: integer(now.figures[databaseReserved]), Superuser: integer(now.figures[databaseSuperuser]),
			Exclusive: integer(now.figures[databaseExclusive]), Prepared: integer(now.figures[databasePrepared]),
			Sessions: now.sessions, Limits: now.limits,
		}
		if said(databaseStart) {
			at := time.UnixMicro(int64(now.figures[databaseStart] * 1e6)).UTC()
			d.StartedAt = &at
		}
		if said(databaseStandby) {
			standby := now.figures[databaseStandby] > 0
			d.Standby = &standby
		}
		d.Now, d.Baseline = databaseTraffic(histories, from, now.at), databaseTraffic(histories, until.Add(-baselineFor), until.Add(-baselineApart))
	}
	var p *capability.ExportedPooler
	if said(poolerUp) || len(now.pools) > 0 {
		p = &capability.ExportedPooler{
			Up:  !said(poolerUp) || now.figures[poolerUp] > 0,
			Max: integer(now.figures[poolerMax]), Used: integer(now.figures[poolerUsed]), Pools: now.pools,
		}
		p.Now, p.Baseline = poolerTraffic(histories, from, now.at), poolerTraffic(histories, until.Add(-baselineFor), until.Add(-baselineApart))
	}
	return d, p
}

// grownOf is how much figures of all replicas grew from from to to, and over
// how many seconds. It is not known where they were read once only.
func grownOf(histories []history, from, to time.Time, of ...figure) (amounts map[figure]float64, seconds float64) {
	amounts = map[figure]float64{}
	for _, h := range histories {
		snapshots := h.between(from, to)
		for _, f := range of {
			if n := increase(snapshots, f); !math.IsNaN(n) {
				amounts[f] += n
				seconds = max(seconds, span(snapshots).Seconds())
			}
		}
	}
	return amounts, seconds
}

// databaseTraffic is nil where there is no past.
func databaseTraffic(histories []history, from, to time.Time) *capability.DatabaseTraffic {
	n, seconds := grownOf(histories, from, to, databaseCommits, databaseRollbacks, databaseBegun)
	if seconds == 0 {
		return nil
	}
	t := &capability.DatabaseTraffic{
		From: to.Add(-time.Duration(seconds * float64(time.Second))).UTC(), To: to.UTC(),
		CommitsRPS: n[databaseCommits] / seconds, RollbacksRPS: n[databaseRollbacks] / seconds,
	}
	if begun, ok := n[databaseBegun]; ok {
		t.SessionsRPS = number(begun / seconds)
	}
	for _, h := range histories {
		snapshots := h.between(from, to)
		if len(snapshots) == 0 {
			continue
		}
		s := snapshots[len(snapshots)-1]
		t.Max = cmp.Or(t.Max, integer(s.figures[databaseMax]))
		if len(s.sessions) == 0 {
			continue
		}
		all, resting := 0, 0
		name := busiest(s.sessions)
		for _, row := range s.sessions {
			if row.Database == name {
				all += row.Count
				if row.State == "idle" {
					resting += row.Count
				}
			}
		}
		t.Sessions, t.Resting = &all, &resting
	}
	return t
}

// busiest is the database with most sessions.
func busiest(rows []capability.ExportedSessions) string {
	counts := map[string]int{}
	for _, row := range rows {
		counts[row.Database] += row.Count
	}
	names := slices.Sorted(maps.Keys(counts))
	return slices.MaxFunc(names, func(a, b string) int { return counts[a] - counts[b] })
}

// poolerTraffic is nil where there is no past.
func poolerTraffic(histories []history, from, to time.Time) *capability.PoolerTraffic {
	n, seconds := grownOf(histories, from, to, poolerTransactions, poolerQueries, poolerTransactionS, poolerQueryS, poolerWaitS)
	if seconds == 0 {
		return nil
	}
	return &capability.PoolerTraffic{
		From: to.Add(-time.Duration(seconds * float64(time.Second))).UTC(), To: to.UTC(),
		TransactionsRPS: n[poolerTransactions] / seconds, QueriesRPS: n[poolerQueries] / seconds,
		// PgBouncer's times run from when a client asks, and so hold the
		// wait, too.
		TransactionS: number(max(0, n[poolerTransactionS]-n[poolerWaitS]) / n[poolerTransactions]),
		QueryS:       number(max(0, n[poolerQueryS]-n[poolerWaitS]) / n[poolerQueries]),
		WaitS:        number(n[poolerWaitS] / n[poolerTransactions]),
	}
}
