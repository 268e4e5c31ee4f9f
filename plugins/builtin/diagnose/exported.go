package diagnose

import (
	"cmp"
	"math"
	"slices"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// exportedDatabase is what an exporter says of a server, as if it had been
// read: it stands in where nobody of ours was let in. What it cannot say is not
// a number, or empty, so that no cause is named or ruled out by it. Nil where
// it says too little: without the limit no count says anything.
func exportedDatabase(p *capability.PoolOutput) *capability.ConnectionsOutput {
	if p == nil || p.Database == nil || p.Database.Max == nil {
		return nil
	}
	e := p.Database
	d := &capability.ConnectionsOutput{
		Observed: p.Observed,
		Limits:   capability.Limits{Max: *e.Max, Reserved: int(zeroIfNaN(whole(e.Reserved))), Superuser: int(zeroIfNaN(whole(e.Superuser)))},
		Connect:  capability.Connect{OK: true, MS: math.NaN()},
		Now:      e.Now, Baseline: e.Baseline,
		Recovery: e.Standby != nil && *e.Standby,
	}
	d.ReadOnly = d.Recovery
	if e.StartedAt != nil {
		d.StartedAt = *e.StartedAt
	}
	name := busiest(e.Sessions)
	states := map[string]*capability.SessionState{}
	clients := map[capability.Client]int{}
	locked := 0
	for _, s := range e.Sessions {
		d.Used += s.Count
		clients[capability.Client{User: s.User, Application: s.Application, Database: s.Database}] += s.Count
		if s.Database != name {
			continue
		}
		if s.Wait == "Lock" {
			locked += s.Count
		}
		state := states[s.State]
		if state == nil {
			state = &capability.SessionState{State: s.State, OldestS: math.NaN(), P50S: math.NaN(), YoungestS: math.NaN()}
			states[s.State] = state
		}
		state.Count += s.Count
		if s.OldestS != nil && s.State != idleSession && !(*s.OldestS <= state.OldestS) {
			state.OldestS = *s.OldestS
		}
	}
	for _, s := range states {
		d.States = append(d.States, *s)
	}
	slices.SortFunc(d.States, func(a, b capability.SessionState) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.State, b.State)) })
	for c, n := range clients {
		c.Count = n
		d.Clients = append(d.Clients, c)
	}
	slices.SortFunc(d.Clients, func(a, b capability.Client) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.User, b.User), cmp.Compare(a.Application, b.Application), cmp.Compare(a.Database, b.Database))
	})
	if locked > 0 {
		d.Waits = []capability.Wait{{Type: "Lock", Count: locked}}
	}
	for _, l := range e.Limits {
		switch {
		case l.Database != "" && l.Database == name:
			d.Limits.Database = &l.Most
		case l.Role != "":
			for i, c := range d.Clients {
				if c.User == l.Role {
					d.Clients[i].Limit = &l.Most
				}
			}
		}
	}
	d.Free = max(0, d.Limits.Max-d.Limits.Reserved-d.Limits.Superuser-d.Used)
	return d
}

// busiest is the database with most sessions: the service's.
func busiest(sessions []capability.ExportedSessions) string {
	counts := map[string]int{}
	name := ""
	for _, s := range sessions {
		counts[s.Database] += s.Count
		if n, most := counts[s.Database], counts[name]; n > most || n == most && s.Database < name {
			name = s.Database
		}
	}
	return name
}

// exportedPooler is what an exporter says of a pooler, as if it had been read;
// nil where it says too little.
func exportedPooler(p *capability.PoolOutput) *capability.PoolerOutput {
	if p == nil || p.Pooler == nil || len(p.Pooler.Pools) == 0 {
		return nil
	}
	e := p.Pooler
	out := &capability.PoolerOutput{Observed: p.Observed, Now: e.Now, Baseline: e.Baseline}
	if e.Max != nil && e.Used != nil {
		out.Limits.MaxClients, out.Used, out.Free = *e.Max, *e.Used, max(0, *e.Max-*e.Used)
	}
	for _, pool := range e.Pools {
		size := pool.Active + pool.Idle // at the least
		if pool.Size != nil {
			size = *pool.Size
		}
		out.Servers += pool.Active + pool.Idle
		out.Pools = append(out.Pools, capability.PoolerPool{
			Database: pool.Database, User: pool.User, Size: size, Paused: pool.Paused,
			Waiting: pool.Waiting, MaxWaitS: zeroIfNaN(number(pool.OldestS)), ServersActive: pool.Active, ServersIdle: pool.Idle,
		})
	}
	return out
}

// exporter is the source of what an exporter says: another one than the
// service, since it looks from elsewhere.
const exporter = "exporter"

// asExported is how a person sees in an exporter's series what a query shows.
var asExported = map[string]string{
	sessionsSQL:  "sum by (state) (pg_stat_activity_count); max by (state) (pg_stat_activity_max_tx_duration)",
	slotsSQL:     "sum by (usename, application_name) (pg_stat_activity_count); pg_settings_max_connections",
	locksSQL:     `sum by (wait_event) (pg_stat_activity_count{wait_event_type="Lock"})`,
	activeSQL:    `pg_stat_activity_count{state="active"}; pg_stat_activity_max_tx_duration{state="active"}`,
	startedSQL:   "pg_postmaster_start_time_seconds",
	"SHOW POOLS": "pgbouncer_pools_client_waiting_connections; pgbouncer_pools_server_active_connections",
	"SHOW STATS": "rate(pgbouncer_stats_server_in_transaction_seconds_total[1m]) / rate(pgbouncer_stats_sql_transactions_pooled_total[1m])",
}

// cited is a piece of evidence as it is cited: by the exporter where that stood
// in.
func (v *view) cited(e capability.Evidence) capability.Evidence {
	if e.Source == database && v.databaseStandsIn || e.Source == pooler && v.poolerStandsIn {
		e.Source = exporter
		if q := asExported[e.Query]; q != "" {
			e.Query = q
		} else {
			e.Query = "what the exporter says instead of: " + e.Query
		}
	}
	return e
}
