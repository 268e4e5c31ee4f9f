package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// facts are what one reading brought back, before it is summed up.
type facts struct {
	startedAt     time.Time
	database      string
	databaseLimit int // negative: none
	settings      map[string]setting
	roleLimits    map[string]int
	sessions      []sessionRow
	blockedBy     map[int][]int
	prepared      []capability.PreparedXact
	recovery      bool
	readOnly      bool
	xidAge        int
	now           throughput
}

type setting struct {
	value          int
	pendingRestart bool
}

// at is when it was read, by the server's clock.
func (f facts) at() time.Time { return f.now.at }

// sessionRow is one row of pg_stat_activity. Ages are seconds.
type sessionRow struct {
	pid           int
	backendStart  time.Time
	backendType   string
	database      string
	user          string
	application   string
	address       string
	state         string
	stateAge      float64
	xactAge       *float64
	queryAge      float64
	waitEventType string
	waitEvent     string
	query         string
}

// mostBlocked caps the sessions whose blockers are asked for: each question
// takes the server's lock tables for a moment.
const mostBlocked = 200

const (
	// What our own sessions set for themselves is not the server's: that is
	// reset_val.
	sqlServer = `
select pg_postmaster_start_time(), datname, datconnlimit, age(datfrozenxid), pg_is_in_recovery(),
  (select reset_val = 'on' from pg_settings where name = 'default_transaction_read_only')
from pg_database where datname = current_database()`

	sqlSettings = `
select name, setting::int, pending_restart from pg_settings
where name in ('max_connections', 'reserved_connections', 'superuser_reserved_connections', 'autovacuum_freeze_max_age')`

	sqlRoleLimits = `
select rolname, rolconnlimit from pg_roles where rolconnlimit >= 0`

	sqlSessions = `
select pid, backend_start, coalesce(backend_type, ''), coalesce(datname, ''), coalesce(usename, ''),
  application_name, coalesce(host(client_addr), 'local'), coalesce(state, ''),
  coalesce(extract(epoch from clock_timestamp() - state_change), 0)::float8,
  extract(epoch from clock_timestamp() - xact_start)::float8,
  coalesce(extract(epoch from clock_timestamp() - query_start), 0)::float8,
  coalesce(wait_event_type, ''), coalesce(wait_event, ''), coalesce(left(query, 500), '')
from pg_stat_activity
where backend_type in ('client backend', 'autovacuum worker') and pid <> pg_backend_pid()`

	sqlBlockedBy = `
select pid, pg_blocking_pids(pid) from pg_stat_activity
where wait_event_type = 'Lock' order by query_start limit $1`

	// A prepared transaction has no process, so nobody says whom it blocks:
	// those who wait for what it has locked.
	sqlPrepared = `
select p.gid, p.owner, extract(epoch from clock_timestamp() - p.prepared)::float8, (
  select count(distinct w.pid) from pg_locks h join pg_locks w on not w.granted and w.locktype = h.locktype
    and (w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
      is not distinct from (h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
  where h.pid is null and h.virtualtransaction = (
    select x.virtualtransaction from pg_locks x where x.pid is null and x.granted and x.transactionid = p.transaction))
from pg_prepared_xacts p where p.database = current_database() order by p.prepared`
)

// collect reads everything in one round trip and, being one transaction, as
// one snapshot of the sessions.
func (s *session) collect(ctx context.Context) (facts, error) {
	f := facts{settings: map[string]setting{}, roleLimits: map[string]int{}, blockedBy: map[int][]int{}}
	b := &pgx.Batch{}
	b.Queue(sqlServer).QueryRow(func(row pgx.Row) error {
		return row.Scan(&f.startedAt, &f.database, &f.databaseLimit, &f.xidAge, &f.recovery, &f.readOnly)
	})
	each(b, sqlSettings, func(rows pgx.Rows) error {
		var name string
		var v setting
		err := rows.Scan(&name, &v.value, &v.pendingRestart)
		f.settings[name] = v
		return err
	})
	each(b, sqlRoleLimits, func(rows pgx.Rows) error {
		var name string
		var limit int
		err := rows.Scan(&name, &limit)
		f.roleLimits[name] = limit
		return err
	})
	each(b, sqlSessions, func(rows pgx.Rows) error {
		var r sessionRow
		err := rows.Scan(&r.pid, &r.backendStart, &r.backendType, &r.database, &r.user, &r.application, &r.address,
			&r.state, &r.stateAge, &r.xactAge, &r.queryAge, &r.waitEventType, &r.waitEvent, &r.query)
		f.sessions = append(f.sessions, r)
		return err
	})
	each(b, sqlBlockedBy, func(rows pgx.Rows) error {
		var pid int
		var by []int
		err := rows.Scan(&pid, &by)
		f.blockedBy[pid] = by
		return err
	}, mostBlocked)
	each(b, sqlPrepared, func(rows pgx.Rows) error {
		var p capability.PreparedXact
		err := rows.Scan(&p.GID, &p.Owner, &p.AgeS, &p.Blocks)
		f.prepared = append(f.prepared, p)
		return err
	})
	b.Queue(sqlThroughput).QueryRow(f.now.scan)
	if err := s.conn.SendBatch(ctx, b).Close(); err != nil {
		return facts{}, fmt.Errorf("reading the catalogs: %w", err)
	}
	return f, nil
}

// each queues a query and calls scan on each of its rows.
func each(b *pgx.Batch, sql string, scan func(pgx.Rows) error, args ...any) {
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
