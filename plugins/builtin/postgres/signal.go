package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

const (
	// goneWithin is how long it is waited for that sessions do as told.
	goneWithin = 5 * time.Second
	lookEvery  = 25 * time.Millisecond
	mostShown  = 30 // sessions in a plan's detail
)

// precious are applications that are never signalled: what they do takes
// hours, or others depend on it. A name stands for all that begin with it.
var precious = []string{
	"barman", "patroni", "pg_basebackup", "pg_dump", "pg_receivewal", "pg_repack", "pg_restore", "pg_upgrade",
	"pgbackrest", "pglogical", "reindexdb", "repmgr", "vacuumdb", "wal-g", "walg",
}

// signal is one call of database.cancel or database.terminate.
type signal struct {
	bound  *bound
	action string
	in     capability.SessionsInput
}

func (b *bound) newSignal(call plugins.Call) (*signal, error) {
	if len(call.Receipt) > 0 {
		return nil, plugins.Fail(plugins.Invalid, "%s takes no receipt: it cannot be undone", call.Action)
	}
	in, err := capability.Input[capability.SessionsInput](call.Action, call.Input)
	if err != nil {
		return nil, err
	}
	if len(in.Sessions) == 0 && in.State == "" && in.User == "" {
		return nil, plugins.Fail(plugins.Invalid, "%s of every session there is: say which, by sessions, state or user", call.Action)
	}
	return &signal{bound: b, action: call.Action, in: in}, nil
}

func (s *signal) cancels() bool { return s.action == actionCancel }

// victim is a session as it was looked at. What must still be so when it is
// signalled are the instants.
type victim struct {
	capability.Session
	StateChange time.Time  `json:"state_change"`
	XactStart   *time.Time `json:"xact_start"`
	QueryStart  *time.Time `json:"query_start"`

	database  string
	protected bool // its role is a superuser's or replicates
	queryAge  float64
}

// choice is what the input comes to now.
type choice struct {
	victims []victim // oldest first
	spared  []victim // as described, and never signalled
	beyond  int      // as described, and more than the input allows
	total   int      // sessions there are
	most    int
}

const sqlCandidates = `
select a.pid, a.backend_start, coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(host(a.client_addr), 'local'),
  coalesce(a.state, ''), coalesce(left(a.query, 500), ''),
  coalesce(extract(epoch from clock_timestamp() - a.state_change), 0)::float8,
  extract(epoch from clock_timestamp() - a.xact_start)::float8,
  coalesce(extract(epoch from clock_timestamp() - a.query_start), 0)::float8,
  coalesce(a.state_change, a.backend_start), a.xact_start, a.query_start,
  coalesce(a.datname, ''), coalesce(r.rolsuper or r.rolreplication, true), a.datname = current_database()
from pg_stat_activity a left join pg_roles r on r.oid = a.usesysid
where a.backend_type = 'client backend' and a.pid <> pg_backend_pid()`

func (s *signal) choose(ctx context.Context, conn *pgx.Conn) (choice, error) {
	rows, err := conn.Query(ctx, sqlCandidates)
	if err != nil {
		return choice{}, err
	}
	defer rows.Close()
	var c choice
	var all []victim
	for rows.Next() {
		var v victim
		var here bool
		err := rows.Scan(&v.Pid, &v.BackendStart, &v.User, &v.Application, &v.Address, &v.State, &v.Query,
			&v.StateAgeS, &v.XactAgeS, &v.queryAge, &v.StateChange, &v.XactStart, &v.QueryStart, &v.database, &v.protected, &here)
		if err != nil {
			return choice{}, err
		}
		// Those of other databases count only where they are asked for by
		// what they are: they are not the service's.
		if here || len(s.in.Sessions) > 0 || s.in.User != "" {
			c.total++
			v.Query = withoutLiterals(v.Query)
			v.BackendStart = v.BackendStart.UTC()
			if s.describes(v) {
				all = append(all, v)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return choice{}, err
	}
	slices.SortStableFunc(all, func(a, b victim) int { return cmp.Or(cmp.Compare(b.age(), a.age()), a.Pid-b.Pid) })
	// Rounded up, so that one of few can be ended at all.
	c.most = min(s.in.Most, (c.total*s.in.Share+99)/100)
	for _, v := range all {
		switch {
		case s.bound.spares(v):
			c.spared = append(c.spared, v)
		case len(c.victims) < c.most:
			c.victims = append(c.victims, v)
		default:
			c.beyond++
		}
	}
	return c, nil
}

// describes says whether the input means the session.
func (s *signal) describes(v victim) bool {
	in := s.in
	named := len(in.Sessions) == 0 || slices.ContainsFunc(in.Sessions, func(r capability.SessionRef) bool {
		return r.Pid == v.Pid && r.BackendStart.Equal(v.BackendStart)
	})
	return named &&
		(in.State == "" || in.State == v.State) &&
		(in.User == "" || in.User == v.User) &&
		(in.Application == "" || in.Application == v.Application) &&
		(in.Address == "" || in.Address == v.Address) &&
		(in.OlderThan == 0 || v.age() > in.OlderThan.Std().Seconds()) &&
		(!s.cancels() || v.State == "active") // others have nothing to give up
}

// age is how long what the session is in has lasted, in seconds.
func (v victim) age() float64 {
	switch {
	case strings.HasPrefix(v.State, idleInTransaction) && v.XactAgeS != nil:
		return *v.XactAgeS
	case v.State == "active":
		return v.queryAge
	}
	return v.StateAgeS
}

// spares says whether a session is one that is never signalled.
func (b *bound) spares(v victim) bool {
	application := strings.ToLower(v.Application)
	return v.protected || isOurs(v.Application) ||
		slices.ContainsFunc(slices.Concat(precious, b.spare), func(p string) bool { return strings.HasPrefix(application, strings.ToLower(p)) })
}

func (s *signal) plan(ctx context.Context) (plugins.Plan, error) {
	var c choice
	err := s.bound.with(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		c, err = s.choose(ctx, conn)
		return err
	})
	if err != nil {
		return plugins.Plan{}, s.bound.refused(err, false).Failure
	}
	binding, err := plugins.Canonical(capability.SessionsBinding{Resource: s.bound.Resource(), Action: s.action, Of: s.in})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(c.victims)
	if err != nil {
		return plugins.Plan{}, err
	}
	return plugins.Plan{
		Binding: binding, Detail: s.detail(c), Undo: undo, Resource: s.bound.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "sessions", Affected: len(c.victims), Total: c.total},
	}, nil
}

func (s *signal) detail(c choice) string {
	var text strings.Builder
	verb := "end"
	if s.cancels() {
		verb = "cancel the statement of"
	}
	fmt.Fprintf(&text, "%s %d of %d sessions, the oldest first:", verb, len(c.victims), c.total)
	for i, v := range c.victims {
		if i == mostShown {
			fmt.Fprintf(&text, "\n… and %d more", len(c.victims)-i)
			break
		}
		fmt.Fprintf(&text, "\npid %d, %s %q from %s on %s, %s for %s: %s", v.Pid, v.User, v.Application, v.Address, v.database,
			cmp.Or(v.State, hiddenState), seconds(v.age()), v.Query)
	}
	if len(c.victims) == 0 {
		text.WriteString(" none is as described now")
	}
	if c.beyond > 0 {
		fmt.Fprintf(&text, "\n%d more are as described and stay: no more than %d are allowed (most %d, share %d%%)", c.beyond, c.most, s.in.Most, s.in.Share)
	}
	if len(c.spared) > 0 {
		fmt.Fprintf(&text, "\n%d more are as described and never touched: superusers, replication, backups, our own and those to spare", len(c.spared))
	}
	text.WriteString("\nwhich they are is looked at once more then; one that has gone on meanwhile is left alone")
	return text.String()
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Millisecond)
}

func (s *signal) run(ctx context.Context, call plugins.Call) plugins.Outcome {
	var hit []victim
	var telling bool // a session is told to end, or to give up its statement
	out := capability.SessionsOutput{}
	err := s.bound.with(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		c, err := s.choose(ctx, conn)
		if err != nil {
			return err
		}
		for _, v := range c.victims {
			if isClosed(call.Stop) {
				break
			}
			telling = true
			told, err := s.tell(ctx, conn, v)
			if err != nil {
				return err
			}
			telling = false
			if told {
				hit = append(hit, v)
			}
		}
		if err := s.await(ctx, conn, hit); err != nil {
			return err
		}
		if c, err = s.choose(ctx, conn); err != nil {
			return err
		}
		out.Left = len(c.victims) + c.beyond
		return nil
	})
	for _, v := range hit {
		out.Sessions = append(out.Sessions, v.Session)
		out.Signalled++
		if v.Gone {
			out.Gone++
		}
	}
	out.Observed = capability.Observed{ObservedAt: time.Now().UTC(), Resource: s.bound.Resource()}
	applied := plugins.None
	if len(hit) > 0 {
		applied = plugins.All
	}
	o := done(applied, out, capability.SessionsReceipt{Sessions: out.Sessions})
	if err != nil {
		refused := s.bound.refused(err, telling)
		o.Failure = refused.Failure
		switch {
		case refused.Applied == plugins.Unknown:
			o.Applied = plugins.Unknown
		case len(hit) > 0:
			o.Applied = plugins.Partial
		}
		return o
	}
	if isClosed(call.Stop) {
		o.Failure = plugins.Fail(plugins.Cancelled, "stopped after %d sessions", len(hit))
		if len(hit) > 0 {
			o.Applied = plugins.Partial
		}
	}
	return o
}

func isClosed(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// tell signals a session if it still is in what it was chosen for. It is false
// where it is not.
func (s *signal) tell(ctx context.Context, conn *pgx.Conn, v victim) (told bool, err error) {
	function, still := "pg_terminate_backend", "true"
	switch {
	case s.cancels():
		function, still = "pg_cancel_backend", "state = 'active' and query_start = $3"
	case s.in.State != "" && strings.HasPrefix(v.State, idleInTransaction):
		still = "state = $4 and xact_start = $5"
	case s.in.State != "":
		still = "state = $4 and state_change = $6"
	}
	sql := "select coalesce((select " + function + "(pid) from pg_stat_activity where pid = $1 and backend_start = $2 and " + still + "), false)"
	// The simple protocol takes no argument that the statement does not name.
	args := pgx.NamedArgs{"pid": v.Pid, "start": v.BackendStart, "query": v.QueryStart, "state": v.State, "xact": v.XactStart, "change": v.StateChange}
	for i, key := range []string{"pid", "start", "query", "state", "xact", "change"} {
		sql = strings.ReplaceAll(sql, fmt.Sprintf("$%d", i+1), "@"+key)
	}
	err = conn.QueryRow(ctx, sql, args).Scan(&told)
	return told, err
}

// await returns when all are gone, or have had long enough, and marks who is.
func (s *signal) await(ctx context.Context, conn *pgx.Conn, hit []victim) error {
	enough := time.NewTimer(goneWithin)
	defer enough.Stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		left, err := s.mark(ctx, conn, hit)
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-enough.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// mark says of each whether it is gone, and how many are not.
func (s *signal) mark(ctx context.Context, conn *pgx.Conn, hit []victim) (left int, err error) {
	if len(hit) == 0 {
		return 0, nil
	}
	pids := make([]int32, len(hit))
	for i, v := range hit {
		pids[i] = int32(v.Pid) //nolint:gosec // the server's pids fit
	}
	rows, err := conn.Query(ctx, "select pid, backend_start, query_start, coalesce(state, '') from pg_stat_activity where pid = any($1)", pids)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for i := range hit {
		hit[i].Gone = true
	}
	for rows.Next() {
		var pid int
		var start time.Time
		var query *time.Time
		var state string
		if err := rows.Scan(&pid, &start, &query, &state); err != nil {
			return 0, err
		}
		for i := range hit {
			v := &hit[i]
			same := v.Pid == pid && v.BackendStart.Equal(start)
			if s.cancels() {
				same = same && state == "active" && query != nil && v.QueryStart != nil && query.Equal(*v.QueryStart)
			}
			if same {
				v.Gone = false
				left++
			}
		}
	}
	return left, rows.Err()
}

// probe looks whether those who were planned for are gone: a session that
// ended by itself meanwhile is as good as one that was told to.
func (s *signal) probe(ctx context.Context, undo json.RawMessage) plugins.Probed {
	var planned []victim
	if err := json.Unmarshal(undo, &planned); err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: "there is no plan to compare with"}
	}
	var left int
	err := s.bound.with(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		left, err = s.mark(ctx, conn, planned)
		return err
	})
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	p := plugins.Probed{Applied: plugins.Partial, Reason: fmt.Sprintf("of %d sessions %d are left", len(planned), left)}
	switch left {
	case len(planned):
		p.Applied = plugins.None
		return p
	case 0:
		p.Applied = plugins.All
	}
	var receipt capability.SessionsReceipt
	for _, v := range planned {
		if v.Gone {
			receipt.Sessions = append(receipt.Sessions, v.Session)
		}
	}
	if p.Receipt, err = json.Marshal(receipt); err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	return p
}
