package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// limit is one call of database.limit.
type limit struct {
	bound    *bound
	role     string // one of the two is set
	database string
	to       *int // nil: no limit
}

func (b *bound) newLimit(call plugins.Call) (*limit, error) {
	if len(call.Receipt) > 0 {
		var r capability.LimitReceipt
		if err := json.Unmarshal(call.Receipt, &r); err != nil || (r.Role == "") == (r.Database == "") {
			return nil, plugins.Fail(plugins.Invalid, "this is no receipt of %s: %s", actionLimit, call.Receipt)
		}
		return &limit{b, r.Role, r.Database, r.Before}, nil
	}
	in, err := capability.Input[capability.LimitInput](call.Action, call.Input)
	if err == nil && (in.Role == "") == (in.Database == "") {
		err = plugins.Fail(plugins.Invalid, "%s limits one role or one database: give role or database", actionLimit)
	}
	return &limit{b, in.Role, in.Database, in.Limit}, err
}

// limited is how the limit stands.
type limited struct {
	limit   *int
	open    int
	ignores bool // superusers are not held to it
}

func (l *limit) look(ctx context.Context, conn *pgx.Conn) (now limited, err error) {
	sql, of := `select datconnlimit, (select count(*) from pg_stat_activity where datname = $1 and backend_type = 'client backend'), false
from pg_database where datname = $1`, l.database
	if l.role != "" {
		sql, of = `select rolconnlimit, (select count(*) from pg_stat_activity where usename = $1 and backend_type = 'client backend'), rolsuper
from pg_roles where rolname = $1`, l.role
	}
	var n int
	err = conn.QueryRow(ctx, sql, of).Scan(&n, &now.open, &now.ignores)
	if errors.Is(err, pgx.ErrNoRows) {
		return now, plugins.Fail(plugins.NotFound, "%s has no %s", l.bound.Resource(), l.what())
	}
	if n >= 0 {
		now.limit = &n
	}
	return now, err
}

func (l *limit) what() string {
	if l.role != "" {
		return "role " + l.role
	}
	return "database " + l.database
}

func (l *limit) fingerprint(now *int) string {
	return plugins.Fingerprint(map[string]any{"role": l.role, "database": l.database, "limit": now})
}

func (l *limit) plan(ctx context.Context) (plugins.Plan, error) {
	var now limited
	err := l.bound.with(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		now, err = l.look(ctx, conn)
		return err
	})
	if err != nil {
		return plugins.Plan{}, l.bound.refused(err, false).Failure
	}
	binding, err := plugins.Canonical(capability.LimitBinding{Resource: l.bound.Resource(), Role: l.role, Database: l.database, From: now.limit, To: l.to})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(l.receipt(now.limit))
	if err != nil {
		return plugins.Plan{}, err
	}
	detail := fmt.Sprintf("connection limit of %s: %s -> %s\n%d are open; none of them is ended, new ones are held to it", l.what(), orNone(now.limit), orNone(l.to), now.open)
	if now.ignores {
		detail += "\nit is a superuser, whom the server holds to no limit"
	}
	return plugins.Plan{
		Binding: binding, Detail: detail, Fingerprint: l.fingerprint(now.limit), Undo: undo, Resource: l.bound.Resource(),
		BlastRadius: plugins.BlastRadius{Unit: "sessions", Affected: now.open},
	}, nil
}

func (l *limit) receipt(before *int) capability.LimitReceipt {
	return capability.LimitReceipt{Role: l.role, Database: l.database, Before: before, After: l.to}
}

func (l *limit) run(ctx context.Context, call plugins.Call) plugins.Outcome {
	var now limited
	var sent bool
	err := l.bound.with(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		if now, err = l.look(ctx, conn); err != nil {
			return err
		}
		if call.Expect != "" && call.Expect != l.fingerprint(now.limit) {
			return plugins.Fail(plugins.Drift, "the connection limit of %s is %s now, which is not what was planned for; look again", l.what(), orNone(now.limit))
		}
		if orNone(now.limit) == orNone(l.to) {
			return nil
		}
		sent = true
		_, err = conn.Exec(ctx, l.statement(now.limit))
		return err
	})
	if err != nil {
		return l.bound.refused(err, sent)
	}
	applied := plugins.None
	if sent {
		applied = plugins.All
	}
	o := done(applied, capability.LimitOutput{
		Observed: capability.Observed{ObservedAt: time.Now().UTC(), Resource: l.bound.Resource()},
		Role:     l.role, Database: l.database, From: now.limit, To: l.to, Open: now.open,
	}, l.receipt(now.limit))
	o.Left = l.fingerprint(l.to)
	return o
}

// statement sets the limit where it still is from. An ALTER without options
// changes nothing, and has every other ALTER of the same wait until this one
// is over: nobody writes between the look and the change.
func (l *limit) statement(from *int) string {
	alter, is := "alter database "+name(l.database), fmt.Sprintf("(select datconnlimit = %s from pg_database where datname = %s)", number(from), literal(l.database))
	if l.role != "" {
		alter, is = "alter role "+name(l.role), fmt.Sprintf("(select rolconnlimit = %s from pg_roles where rolname = %s)", number(from), literal(l.role))
	}
	return comparedAndSet(alter, is, alter+" connection limit "+number(l.to))
}

func (l *limit) probe(ctx context.Context, undo json.RawMessage) plugins.Probed {
	var planned capability.LimitReceipt
	if err := json.Unmarshal(undo, &planned); err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: "there is no plan to compare with"}
	}
	var now limited
	err := l.bound.with(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		now, err = l.look(ctx, conn)
		return err
	})
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	p := plugins.Probed{Applied: plugins.Unknown, Left: l.fingerprint(now.limit), Reason: fmt.Sprintf("the connection limit of %s is %s", l.what(), orNone(now.limit))}
	switch orNone(now.limit) {
	case orNone(planned.Before): // also where nothing was to be done
		p.Applied = plugins.None
	case orNone(planned.After):
		p.Applied, p.Receipt = plugins.All, undo
	}
	return p
}

// number is the limit as the server writes it.
func number(limit *int) string {
	if limit == nil {
		return "-1"
	}
	return strconv.Itoa(*limit)
}

func orNone(limit *int) string {
	if limit == nil {
		return "none"
	}
	return strconv.Itoa(*limit)
}
