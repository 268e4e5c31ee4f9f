package pgbouncer

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// keys are PgBouncer's names of the limits.
var keys = map[capability.PoolerLimit]string{
	capability.PoolSize:    "default_pool_size",
	capability.ReserveSize: "reserve_pool_size",
	capability.MaxClients:  "max_client_conn",
	capability.MaxServers:  "max_db_connections",
}

// resize is one call of pooler.resize, understood.
type resize struct {
	limit capability.PoolerLimit
	to    int
}

// resizeOf reads the input, or the receipt of what is to be undone.
func resizeOf(call plugins.Call) (resize, error) {
	if len(call.Receipt) > 0 {
		var r capability.ResizeReceipt
		if err := json.Unmarshal(call.Receipt, &r); err != nil || keys[r.Limit] == "" {
			return resize{}, plugins.Fail(plugins.Invalid, "this is no receipt of %s: %s", actionResize, call.Receipt)
		}
		return resize{r.Limit, r.Before}, nil
	}
	in, err := capability.Input[capability.ResizeInput](call.Action, call.Input)
	return resize{in.Limit, in.Size}, err
}

func (r resize) fingerprint(now int) string {
	return plugins.Fingerprint(map[string]any{"limit": r.limit, "size": now})
}

func (r resize) now(c row) int { return c.int(keys[r.limit]) }

func (b *bound) planResize(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	r, err := resizeOf(call)
	if err != nil {
		return plugins.Plan{}, err
	}
	is, err := b.read(ctx)
	if err != nil {
		return plugins.Plan{}, err
	}
	from := r.now(is.config)
	binding, err := plugins.Canonical(capability.ResizeBinding{Resource: b.resource, Limit: r.limit, From: from, To: r.to})
	if err != nil {
		return plugins.Plan{}, err
	}
	undo, err := json.Marshal(capability.ResizeReceipt{Limit: r.limit, Before: from, After: r.to})
	if err != nil {
		return plugins.Plan{}, err
	}
	detail, blast := r.detail(is, from)
	return plugins.Plan{Binding: binding, Detail: detail, Fingerprint: r.fingerprint(from), BlastRadius: blast, Undo: undo, Resource: b.resource}, nil
}

// detail says what will be changed, whom it reaches, and for how long.
func (r resize) detail(is reading, from int) (string, plugins.BlastRadius) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %d -> %d\n", keys[r.limit], from, r.to)
	if from != r.to {
		text.WriteString(plugins.LastLook + "\n")
	}
	var blast plugins.BlastRadius
	switch r.limit {
	case capability.MaxClients:
		blast = plugins.BlastRadius{Unit: "clients", Affected: is.lists["used_clients"]}
		fmt.Fprintf(&text, "%d client connections are open; each takes a file descriptor of PgBouncer's, so its limit of those (ulimit -n) must allow for %d\n", is.lists["used_clients"], r.to)
	case capability.PoolSize:
		// A database whose size is another has one of its own.
		for _, p := range is.poolList() {
			blast.Total++
			name := p.User + " on " + p.Database
			if p.Size != from {
				fmt.Fprintf(&text, "%s keeps its own size, %d\n", name, p.Size)
				continue
			}
			blast.Affected++
			fmt.Fprintf(&text, "%s: %d clients wait, %d of %d server connections are in use\n", name, p.Waiting, p.ServersActive, p.Size)
		}
		blast.Unit = "pools"
	default:
		blast = plugins.BlastRadius{Unit: "pools", Affected: len(is.poolList())}
	}
	text.WriteString("it holds at once, and until PgBouncer is restarted or reads its configuration again")
	return text.String(), blast
}

func (b *bound) resize(ctx context.Context, call plugins.Call) plugins.Outcome {
	r, err := resizeOf(call)
	if err == nil {
		err = b.mayMutate(call.Action)
	}
	if err != nil {
		return failed(err)
	}
	var from int
	var asked bool
	err = b.console.once(ctx, func(ctx context.Context, conn *pgconn.PgConn) error {
		config, err := configOf(ctx, conn)
		if err != nil {
			return err
		}
		from = r.now(config)
		if call.Expect != "" && call.Expect != r.fingerprint(from) {
			return plugins.Fail(plugins.Drift, "%s of %s is %d now, which is not what was planned for; look again", keys[r.limit], b.resource, from)
		}
		if from == r.to {
			return nil
		}
		asked = true
		if err := command(ctx, conn, fmt.Sprintf("SET %s = '%d'", keys[r.limit], r.to)); err != nil {
			return err
		}
		if config, err = configOf(ctx, conn); err != nil {
			return err
		}
		if is := r.now(config); is != r.to {
			return plugins.Fail(plugins.Conflict, "%s of %s was set to %d and is %d: somebody else is changing it", keys[r.limit], b.resource, r.to, is)
		}
		return nil
	})
	if err != nil {
		return after(asked, classify(b.resource, err))
	}
	applied := plugins.None
	if asked {
		applied = plugins.All
	}
	o := succeeded(applied,
		capability.ResizeOutput{Observed: b.observed(), Limit: r.limit, From: from, To: r.to},
		capability.ResizeReceipt{Limit: r.limit, Before: from, After: r.to})
	o.Left = r.fingerprint(r.to)
	return o
}

// Probe implements plugins.Bound: a lost resize has happened when the limit
// is what it was to be.
func (b *bound) Probe(ctx context.Context, call plugins.Call, undo json.RawMessage) plugins.Probed {
	ctx, cancel := context.WithTimeout(ctx, b.within.answer)
	defer cancel()
	if call.Action == actionPause {
		return b.probePause(ctx, undo)
	}
	var planned capability.ResizeReceipt
	if err := json.Unmarshal(undo, &planned); err != nil || call.Action != actionResize {
		return plugins.Probed{Applied: plugins.Unknown, Reason: "there is no plan of " + actionResize + " to compare with"}
	}
	is, err := b.read(ctx)
	if err != nil {
		return plugins.Probed{Applied: plugins.Unknown, Reason: err.Error()}
	}
	r := resize{planned.Limit, planned.After}
	now := r.now(is.config)
	p := plugins.Probed{Applied: plugins.Unknown, Left: r.fingerprint(now), Reason: fmt.Sprintf("%s is %d", keys[r.limit], now)}
	switch now {
	case planned.Before: // also where nothing was to be done
		p.Applied = plugins.None
	case planned.After:
		p.Applied, p.Receipt = plugins.All, undo
	}
	return p
}

func (b *bound) mayMutate(action string) error {
	if b.access == plugins.Read {
		return plugins.Fail(plugins.Denied, "%s changes PgBouncer, and this binding may only read", action)
	}
	return nil
}

func configOf(ctx context.Context, conn *pgconn.PgConn) (row, error) {
	rows, err := show(ctx, conn, "CONFIG")
	config := row{}
	for _, c := range rows {
		config[c["key"]] = c["value"]
	}
	return config, err
}

func command(ctx context.Context, conn *pgconn.PgConn, text string) error {
	if _, err := conn.Exec(ctx, text).ReadAll(); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}

// after is the outcome of a failure: of a command that was sent, only the
// console's own refusal says that it was not obeyed.
func after(asked bool, f *plugins.Failure) plugins.Outcome {
	o := plugins.Outcome{Failure: f, Applied: plugins.None}
	if asked && f.Class != plugins.Denied {
		o.Applied = plugins.Unknown
	}
	return o
}
