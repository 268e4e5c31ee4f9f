package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// configurable are the settings that may be changed: those that have to do
// with connections, and with how long they are held. Others could run programs
// or lose data.
var configurable = []string{
	"authentication_timeout", "autovacuum_vacuum_cost_delay", "autovacuum_vacuum_cost_limit", "client_connection_check_interval",
	"deadlock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", "lock_timeout", "log_connections",
	"log_disconnections", "log_lock_waits", "log_min_duration_statement", "max_connections", "max_parallel_workers",
	"max_parallel_workers_per_gather", "max_prepared_transactions", "reserved_connections", "statement_timeout",
	"superuser_reserved_connections", "tcp_keepalives_count", "tcp_keepalives_idle", "tcp_keepalives_interval",
	"tcp_user_timeout", "transaction_timeout", "work_mem",
}

// configure is one call of database.configure.
type configure struct {
	bound   *bound
	setting string
	role    string // empty: the whole server
	to      capability.Scalar
}

func (b *bound) newConfigure(call plugins.Call) (*configure, error) {
	c := &configure{bound: b}
	if len(call.Receipt) > 0 {
		var r capability.ConfigureReceipt
		if err := json.Unmarshal(call.Receipt, &r); err != nil || r.Setting == "" {
			return nil, plugins.Fail(plugins.Invalid, "this is no receipt of %s: %s", actionConfigure, call.Receipt)
		}
		c.setting, c.role, c.to = r.Setting, r.Role, r.Before
	} else {
		in, err := capability.Input[capability.ConfigureInput](call.Action, call.Input)
		if err != nil {
			return nil, err
		}
		c.setting, c.role, c.to = in.Setting, in.Role, in.Value
	}
	if !slices.Contains(configurable, c.setting) {
		return nil, plugins.Fail(plugins.Invalid, "%s is not among the settings that %s changes: %s", c.setting, actionConfigure, strings.Join(configurable, ", "))
	}
	return c, nil
}

// configured is how a setting stands.
type configured struct {
	set      *string // what is set there; nil: nothing
	running  string  // the server's value, with its unit
	restart  bool    // it takes a restart
	pending  bool    // and one is due
	applied  bool    // what is set there is what runs
	override string  // where the running value comes from
}

func (c *configure) look(ctx context.Context, conn *pgx.Conn) (now configured, err error) {
	var context string
	err = conn.QueryRow(ctx, `select current_setting(name), context, pending_restart, source from pg_settings where name = $1`, c.setting).
		Scan(&now.running, &context, &now.pending, &now.override)
	if errors.Is(err, pgx.ErrNoRows) {
		return now, plugins.Fail(plugins.NotFound, "%s has no setting %s in its version", c.bound.Resource(), c.setting)
	}
	if err != nil {
		return now, err
	}
	now.restart = context == "postmaster"
	if c.role != "" {
		now.applied = true
		return now, c.lookAtRole(ctx, conn, &now)
	}
	err = conn.QueryRow(ctx, `select setting, applied from pg_file_settings
where name = $1 and sourcefile like '%postgresql.auto.conf' order by seqno desc limit 1`, c.setting).Scan(&now.set, &now.applied)
	if errors.Is(err, pgx.ErrNoRows) {
		now.applied = !now.pending
		return now, nil
	}
	return now, err
}

func (c *configure) lookAtRole(ctx context.Context, conn *pgx.Conn, now *configured) error {
	var known bool
	err := conn.QueryRow(ctx, `select true, `+sqlRoleSetting("$2", "$1")+` from pg_roles where rolname = $2`, c.setting, c.role).Scan(&known, &now.set)
	if errors.Is(err, pgx.ErrNoRows) {
		return plugins.Fail(plugins.NotFound, "%s has no role %s", c.bound.Resource(), c.role)
	}
	return err
}

// sqlRoleSetting is what is set for a role in all databases; both arguments
// are SQL.
func sqlRoleSetting(role, setting string) string {
	return `(select substr(v, length(` + setting + `) + 2) from pg_db_role_setting s join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) v
where s.setdatabase = 0 and r.rolname = ` + role + ` and v like ` + setting + ` || '=%')`
}

func (c *configure) fingerprint(set *string) string {
	return plugins.Fingerprint(map[string]any{"setting": c.setting, "role": c.role, "set": set})
}

// text is a value as the server reads it, nil for null.
func text(s capability.Scalar) *string {
	if s.IsNull() {
		return nil
	}
	t := s.String()
	switch s.Value() {
	case true:
		t = "on"
	case false:
		t = "off"
	}
	return &t
}

func scalarOf(set *string) capability.Scalar {
	if set == nil {
		return capability.Scalar{}
	}
	s, _ := capability.ScalarOf(*set) // text always is one
	return s
}

func same(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func (c *configure) plan(ctx context.Context) (plugins.Plan, error) {
	now, err := c.now(ctx)
	if err != nil {
		return plugins.Plan{}, c.bound.refused(err, false).Failure
	}
	from := scalarOf(now.set)
	binding, err := plugins.Canonical(capability.ConfigureBinding{Resource: c.bound.Resource(), Setting: c.setting, Role: c.role, From: from, To: c.to})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(c.receipt(now.set))
	if err != nil {
		return plugins.Plan{}, err
	}
	return plugins.Plan{
		Binding: binding, Detail: c.detail(now), Fingerprint: c.fingerprint(now.set), Undo: undo, Resource: c.bound.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "settings", Affected: 1},
	}, nil
}

func (c *configure) now(ctx context.Context) (now configured, err error) {
	err = c.bound.with(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		now, err = c.look(ctx, conn)
		return err
	})
	return now, err
}

func (c *configure) receipt(before *string) capability.ConfigureReceipt {
	return capability.ConfigureReceipt{Setting: c.setting, Role: c.role, Before: scalarOf(before), After: c.to}
}

func (c *configure) detail(now configured) string {
	shown := func(set *string) string {
		if set == nil {
			return "not set"
		}
		return *set
	}
	of := "of the server"
	if c.role != "" {
		of = "of role " + c.role
	}
	detail := fmt.Sprintf("%s %s: %s -> %s", c.setting, of, shown(now.set), shown(text(c.to)))
	switch {
	case c.role != "":
		detail += "\nnew sessions of the role have it; those that are open do not"
	case now.restart:
		detail += fmt.Sprintf("\nit takes a RESTART of the server, which this does not do; until then it is %s", now.running)
	default:
		detail += fmt.Sprintf("\nit is %s now, and another as soon as the server has read its files again", now.running)
	}
	if c.role == "" && now.override == "command line" {
		detail += "\nthe server was started with a value on its command line, which outranks this"
	}
	if !same(now.set, text(c.to)) {
		detail += "\n" + plugins.LastLook
	}
	return detail
}

func (c *configure) run(ctx context.Context, call plugins.Call) plugins.Outcome {
	var before, after configured
	var sent, written bool
	err := c.bound.with(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		if before, err = c.look(ctx, conn); err != nil {
			return err
		}
		if call.Expect != "" && call.Expect != c.fingerprint(before.set) {
			return plugins.Fail(plugins.Drift, "%s is not what was planned for; look again", c.setting)
		}
		if same(before.set, text(c.to)) {
			after = before
			return nil
		}
		sent = true
		if _, err := conn.Exec(ctx, c.statement(before.set)); err != nil {
			return err
		}
		written = true
		if c.role == "" {
			if err := reload(ctx, conn); err != nil {
				return err
			}
		}
		after, err = c.look(ctx, conn)
		return err
	})
	if err != nil {
		o := c.bound.refused(err, sent)
		if written {
			o.Applied = plugins.Partial // it is in the file, and not read yet
			if receipt, errReceipt := json.Marshal(c.receipt(before.set)); errReceipt == nil {
				o.Receipt = receipt
			}
		}
		return o
	}
	applied := plugins.None
	if sent {
		applied = plugins.All
	}
	pending := c.role == "" && after.pending
	o := done(applied, capability.ConfigureOutput{
		Observed: capability.Observed{ObservedAt: time.Now().UTC(), Resource: c.bound.Resource()},
		Setting:  c.setting, Role: c.role, From: scalarOf(before.set), To: c.to,
		Live: after.applied && !pending, PendingRestart: pending,
	}, c.receipt(before.set))
	o.Left = c.fingerprint(text(c.to))
	return o
}

// statement sets the setting. That of a role does so only where it still is
// from, and yet there is an instant in which somebody else could write, since
// nothing that a login without special rights may do locks what is set for a
// role; ALTER SYSTEM takes part in no transaction at all.
func (c *configure) statement(from *string) string {
	to := text(c.to)
	if c.role == "" {
		if to == nil {
			return "alter system reset " + name(c.setting)
		}
		return "alter system set " + name(c.setting) + " = " + literal(*to)
	}
	is := sqlRoleSetting(literal(c.role), literal(c.setting))
	condition := is + " is null"
	if from != nil {
		condition = is + " = " + literal(*from)
	}
	if to == nil {
		return comparedAndSet("", condition, "alter role "+name(c.role)+" reset "+name(c.setting))
	}
	return comparedAndSet("", condition, "alter role "+name(c.role)+" set "+name(c.setting)+" = "+literal(*to))
}

// reload has the server read its files again, and returns once this session
// has.
func reload(ctx context.Context, conn *pgx.Conn) error {
	var before time.Time
	if err := conn.QueryRow(ctx, "select pg_conf_load_time()").Scan(&before); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "select pg_reload_conf()"); err != nil {
		return err
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		var at time.Time
		if err := conn.QueryRow(ctx, "select pg_conf_load_time()").Scan(&at); err != nil {
			return err
		}
		if at.After(before) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *configure) probe(ctx context.Context, undo json.RawMessage) plugins.Probed {
	var planned capability.ConfigureReceipt
	if err := json.Unmarshal(undo, &planned); err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: "there is no plan to compare with"}
	}
	now, err := c.now(ctx)
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	p := plugins.Probed{Applied: plugins.Unknown, Left: c.fingerprint(now.set), Reason: c.setting + " is " + scalarOf(now.set).String()}
	switch {
	case same(now.set, text(planned.Before)): // also where nothing was to be done
		p.Applied = plugins.None
	case same(now.set, text(planned.After)):
		p.Applied, p.Receipt = plugins.All, undo
	}
	return p
}
