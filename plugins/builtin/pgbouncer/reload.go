package pgbouncer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

func noReloadReceipt(call plugins.Call) error {
	if len(call.Receipt) > 0 {
		return plugins.Fail(plugins.Invalid, "%s takes no receipt: it cannot be undone", actionReload)
	}
	_, err := capability.Input[capability.ReloadInput](call.Action, call.Input)
	return err
}

func (b *bound) planReload(ctx context.Context, call plugins.Call) (plugins.Plan, error) {
	if err := noReloadReceipt(call); err != nil {
		return plugins.Plan{}, err
	}
	is, err := b.read(ctx)
	if err != nil {
		return plugins.Plan{}, err
	}
	binding, err := plugins.Canonical(map[string]string{"resource": b.resource})
	if err != nil {
		return plugins.Plan{}, err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "PgBouncer reads %s again; clients stay connected\n", is.config["conffile"])
	text.WriteString("what the file says of these holds from then on:")
	for _, limit := range limitNames() {
		fmt.Fprintf(&text, "\n%s: is %s now", keys[limit], is.config[keys[limit]])
	}
	return plugins.Plan{
		Binding: binding, Detail: text.String(), Resource: b.resource,
		BlastRadius: plugins.BlastRadius{Unit: "pools", Affected: len(is.poolList())},
	}, nil
}

// reload has the configuration read again, and says which limits are others
// since.
func (b *bound) reload(ctx context.Context, call plugins.Call) plugins.Outcome {
	err := noReloadReceipt(call)
	if err == nil {
		err = b.mayMutate(call.Action)
	}
	if err != nil {
		return failed(err)
	}
	var before, now row
	var asked bool
	err = b.console.once(ctx, func(ctx context.Context, conn *pgconn.PgConn) (err error) {
		if before, err = configOf(ctx, conn); err != nil {
			return err
		}
		asked = true
		if err = command(ctx, conn, "RELOAD"); err != nil {
			return err
		}
		now, err = configOf(ctx, conn)
		return err
	})
	if err != nil {
		return after(asked, classify(b.resource, err))
	}
	out := capability.ReloadOutput{Observed: b.observed()}
	for _, limit := range limitNames() {
		if a, z := before.int(keys[limit]), now.int(keys[limit]); a != z {
			out.Changed = append(out.Changed, capability.ResizeReceipt{Limit: limit, Before: a, After: z})
		}
	}
	applied := plugins.None
	if fmt.Sprint(before) != fmt.Sprint(now) { // maps are printed in the order of their keys
		applied = plugins.All
	}
	return succeeded(applied, out, nil)
}

func limitNames() []capability.PoolerLimit {
	var names []capability.PoolerLimit
	for limit := range keys {
		names = append(names, limit)
	}
	slices.Sort(names)
	return names
}
