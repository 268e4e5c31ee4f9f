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
	now           time.Time
	startedAt     time.Time
	database      string
	databaseLimit int // negative: none
	settings      map[string]setting
	roleLimits    map[string]int
	sessions      []sessionRow
	blockedBy     map[int][]int
	prepared      []capability.PreparedXact
	rowsPerCommit *float64
}

type setting struct {
	value          int
	pendingRestart bool
}

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
	waitEventType string
	waitEvent     string
	query         string
}

// mostBlocked caps the sessions whose blockers are asked for: each question
// takes the server's lock tables for a moment.
const mostBlocked = 200

const (
	sqlServer = `
select clock_timestamp(), pg_postmaster_start_time(), datname, datconnlimit
from pg_database where datname = current_database()`

	sqlSettings = `
select name, setting::int, pending_restart from pg_settings
where name in ('max_connections', 'reserved_connections', 'superuser_reserved_connections')`

	sqlRoleLimits = `
select rolname, rolconnlimit from pg_roles where rolconnlimit >= 0`

	sqlSessions = `
select pid, backend_start, coalesce(backend_type, ''), coalesce(datname, ''), coalesce(usename, ''),
  application_name, coalesce(host(client_addr), 'local'), coalesce(state, ''),
  coalesce(extract(epoch from clock_timestamp() - state_change), 0)::float8,
  extract(epoch from clock_timestamp() - xact_start)::float8,
  coalesce(wait_event_type, ''), coalesce(wait_event, ''), coalesce(left(query, 500), '')
from pg_stat_activity
where backend_type in ('client backend', 'autovacuum worker') and pid <> pg_backend_pid()`

	sqlBlockedBy = `
select pid, pg_blocking_pids(pid) from pg_stat_activity
where wait_event_type = 'Lock' order by query_start limit $1`

	sqlPrepared = `
select gid, owner, extract(epoch from clock_timestamp() - prepared)::float8
from pg_prepared_xacts where database = current_database() order by prepared`
)

// collect reads everything in one round trip and, being one transaction, as
// one snapshot of the sessions.
func (s *session) collect(ctx context.Context) (facts, error) {
	f := facts{settings: map[string]setting{}, roleLimits: map[string]int{}, blockedBy: map[int][]int{}}
	now := throughput{}
	b := &pgx.Batch{}
	b.Queue(sqlServer).QueryRow(func(row pgx.Row) error {
		return row.Scan(&f.now, &f.startedAt, &f.database, &f.databaseLimit)
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
			&r.state, &r.stateAge, &r.xactAge, &r.waitEventType, &r.waitEvent, &r.query)
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
		err := rows.Scan(&p.GID, &p.Owner, &p.AgeS)
		f.prepared = append(f.prepared, p)
		return err
	})
	b.Queue(sqlThroughput).QueryRow(func(row pgx.Row) error {
		return row.Scan(&now.commits, &now.rows, &now.at)
	})
	if err := s.conn.SendBatch(ctx, b).Close(); err != nil {
		return facts{}, fmt.Errorf("reading the catalogs: %w", err)
	}
	f.rowsPerCommit = now.rowsPerCommit(s.last)
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
