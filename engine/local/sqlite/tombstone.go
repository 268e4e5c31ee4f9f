package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// tombstone is what is left of a run that was pruned. In the chain of the run
// it is one more record, and the log has it like others.
type tombstone struct {
	row
	last sum // of the record before
	buried
}

// buried is what is said on a tombstone, as JSON.
type buried struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// bury makes the tombstone of a run with so many records.
func bury(p local.Pruning, records int, last sum) (tombstone, error) {
	t := tombstone{last: last, buried: buried{By: p.By, Reason: p.Reason}}
	data, err := json.Marshal(t.buried)
	t.row = row{seq: records + 1, at: nanos(p.At), kind: kindPruned, data: data}
	return t, err
}

// kindPruned is what a tombstone has for the kind of an event.
const kindPruned = "pruned"

// sum is that of the record that the tombstone is.
func (t tombstone) sum(run string) sum { return t.last.next(run, t.row) }

// readTombstone returns the tombstone of a run, or [sql.ErrNoRows].
func readTombstone(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, run string,
) (tombstone, error) {
	t := tombstone{row: row{kind: kindPruned}}
	var last []byte
	err := q.QueryRowContext(ctx, `SELECT seq, at, data, last FROM tombstones WHERE run = ?`, run).Scan(&t.seq, &t.at, &t.data, &last)
	if err != nil {
		return t, err
	}
	t.last = toSum(last)
	_ = json.Unmarshal(t.data, &t.buried) // what cannot be read is left out; verify says that it is not as it was written
	return t, nil
}
