package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
)

// actWithin bounds one call of an action that changes something, what it waits
// for included.
const actWithin = 10 * time.Second

// deed is one action that changes something, with its input understood.
type deed interface {
	plan(context.Context) (plugins.Plan, error)
	run(context.Context, plugins.Call) plugins.Outcome
	// probe gets what plan returned as Undo.
	probe(ctx context.Context, undo json.RawMessage) plugins.Probed
}

func (b *bound) deed(call plugins.Call) (deed, error) {
	var d deed
	var err error
	switch call.Action {
	case actionCancel, actionTerminate:
		d, err = b.newSignal(call)
	case actionLimit:
		d, err = b.newLimit(call)
	case actionConfigure:
		d, err = b.newConfigure(call)
	default:
		return nil, plugins.Fail(plugins.Invalid, "plugin postgres has no such action %q that changes something; it has %s", call.Action, strings.Join(actions, ", "))
	}
	if err != nil {
		return nil, err
	}
	if b.access == plugins.Read {
		return nil, plugins.Fail(plugins.Denied, "%s changes the database, and this binding may only read", call.Action)
	}
	return d, nil
}

// Plan implements plugins.Bound.
func (b *bound) Plan(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	d, err := b.deed(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, actWithin)
	defer cancel()
	return d.plan(ctx)
}

// Probe implements plugins.Bound.
func (b *bound) Probe(ctx context.Context, call plugins.Call, undo json.RawMessage) plugins.Probed {
	d, err := b.deed(call)
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, actWithin)
	defer cancel()
	return d.probe(ctx, undo)
}

// with has work use the warm connection, or a fresh one where there is none.
// It is called once at most.
func (b *bound) with(ctx context.Context, work func(context.Context, *pgx.Conn) error) error {
	var failure error
	err := b.warm.do(ctx, func(ctx context.Context, s *session) error {
		if err := s.conn.Ping(ctx); err != nil {
			return errors.Join(errCold, err)
		}
		failure = work(ctx, s.conn)
		return ifLost(s.conn, failure)
	})
	if !errors.Is(err, errCold) {
		if failure != nil {
			return failure
		}
		return err
	}
	conn, attempt := connect(ctx, b.config)
	if conn == nil {
		if conn, attempt = connectAgain(ctx, b.config, attempt); conn == nil {
			return unreachable(b.Resource(), attempt)
		}
	}
	defer closeNow(conn) //nolint:contextcheck // it is closed when ctx has ended, too
	return work(ctx, conn)
}

// ifLost returns err where it cost the connection.
func ifLost(conn *pgx.Conn, err error) error {
	if conn.IsClosed() {
		return err
	}
	return nil
}

// drifted is the SQLSTATE that our own statements raise where the target is
// not what was planned for.
const drifted = "FB001"

// refused gives an error of a change its class. sent says whether the change
// was under way by then; only the server's own words say that it was not made.
func (b *bound) refused(err error, sent bool) plugins.Outcome {
	if own, ok := errors.AsType[*plugins.Failure](err); ok {
		return failed(own)
	}
	pg, spoken := errors.AsType[*pgconn.PgError](err)
	f := readFailed(b.Resource(), err)
	f.Reason = b.Resource() + ": " + err.Error()
	if spoken {
		switch {
		case pg.Code == drifted:
			f.Class, f.Reason = plugins.Drift, b.Resource()+" is not what was planned for; look again"
		case pg.Code == "42501":
			f.Class = plugins.Denied
			f.Reason += "; the login of database.mutate lacks that right, see the configuration guide for what it takes"
		case pg.Code == "55P03", pg.Code == "XX000": // locked, or changed at the same time
			f.Class = plugins.Conflict
		case strings.HasPrefix(pg.Code, "22"), strings.HasPrefix(pg.Code, "42"), pg.Code == "55P02":
			f.Class = plugins.Invalid
		}
	}
	o := failed(f)
	if sent && !spoken {
		o.Applied = plugins.Unknown
	}
	return o
}

// literal quotes text for SQL; standard_conforming_strings is on.
func literal(text string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(text, "\x00", ""), "'", "''") + "'"
}

func name(text string) string { return pgx.Identifier{text}.Sanitize() }

// comparedAndSet is one statement that fails with drifted where condition does
// not hold, and changes something where it does. lock, which may be empty, is
// what comes before the look, so that nobody else writes until it is over.
func comparedAndSet(lock, condition, change string) string {
	if lock != "" {
		lock += "; "
	}
	return "do " + literal("begin "+lock+"if not coalesce("+condition+", false) then raise exception 'it is another now' using errcode = "+literal(drifted)+"; end if; "+change+"; end")
}

// done encodes what is said; receipt may be nil.
func done(applied plugins.Applied, outputs, receipt any) plugins.Outcome {
	o := plugins.Outcome{Applied: applied}
	var err error
	if o.Outputs, err = json.Marshal(outputs); err == nil && receipt != nil {
		o.Receipt, err = json.Marshal(receipt)
	}
	o.Failure = plugins.AsFailure(err)
	return o
}
