package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// Load implements [local.Journal].
func (s *Store) Load(ctx context.Context, run string, after int) ([]engine.Record, error) {
	recs, err := s.load(ctx, run, after)
	if err == nil && len(recs) == 0 {
		err = s.buried(ctx, run)
	}
	if err != nil {
		return nil, explain("read run "+run+" in", s.path, err)
	}
	return recs, nil
}

func (s *Store) load(ctx context.Context, run string, after int) ([]engine.Record, error) {
	rows, err := s.events.QueryContext(ctx, run, after)
	if err != nil {
		return nil, err
	}
	return readRecords(rows, run)
}

// readRecords reads the records of a run, and closes the rows.
func readRecords(rows *sql.Rows, run string) ([]engine.Record, error) {
	defer rows.Close()
	var recs []engine.Record
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.seq, &r.at, &r.kind, &r.data); err != nil {
			return nil, err
		}
		event, err := engine.UnmarshalEvent(r.kind, r.data)
		if err != nil {
			return nil, local.NewError(local.ClassUnreadable, fmt.Sprintf("record %d of run %s cannot be read", r.seq, run),
				"this version of firebreak may be older than the one that wrote it; else restore a backup", err)
		}
		recs = append(recs, engine.Record{Seq: r.seq, At: moment(r.at), Event: event})
	}
	return recs, rows.Err()
}

// buried is an error that says so when a run was pruned.
func (s *Store) buried(ctx context.Context, run string) error {
	t, err := readTombstone(ctx, s.read, run)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return local.NewError(local.ClassNotFound, fmt.Sprintf("run %s had %d records, the last with the hash %s, and was pruned on %s by %s: %s",
		run, t.seq-1, t.last, moment(t.at).Format(time.DateOnly), t.By, t.Reason),
		"`firebreak audit verify "+run+"` proves that nothing else became of it", local.ErrPruned)
}

// Blob implements [local.Journal].
func (s *Store) Blob(ctx context.Context, digest string) ([]byte, error) {
	return readBlob(ctx, s.read, s.path, digest)
}

func readBlob(ctx context.Context, db *sql.DB, path, digest string) ([]byte, error) {
	var b []byte
	err := db.QueryRowContext(ctx, `SELECT bytes FROM blobs WHERE digest = ?`, digest).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, local.NewError(local.ClassNotFound, "nothing is pinned as "+digest, "restore a backup of "+path, nil)
	}
	if err != nil {
		return nil, explain("read "+digest+" in", path, err)
	}
	return b, nil
}

// Heads implements [local.Journal].
func (s *Store) Heads(ctx context.Context, f local.Filter) ([]engine.Head, error) {
	heads, err := s.heads(ctx, f)
	if err != nil {
		return nil, explain("list the runs in", s.path, err)
	}
	return heads, nil
}

func (s *Store) heads(ctx context.Context, f local.Filter) ([]engine.Head, error) {
	var where []string
	var args []any
	if f.Unsettled {
		where = append(where, "settled = 0")
	}
	if f.Service != "" {
		where, args = append(where, "service = ?"), append(args, f.Service)
	}
	if !f.Since.IsZero() {
		where, args = append(where, "(ended_at = 0 OR ended_at >= ?)"), append(args, nanos(f.Since))
	}
	order, key := "started_at DESC, id", "-started_at, id"
	if f.Asking {
		where, order, key = append(where, "asks > 0"), "started_at, id", "started_at, id"
	}
	if f.After != "" {
		if err := there(ctx, s.read, `SELECT 1 FROM runs WHERE id = ?`, "run", f.After); err != nil {
			return nil, err
		}
		where, args = append(where, fmt.Sprintf("(%s) > (SELECT %[1]s FROM runs WHERE id = ?)", key)), append(args, f.After)
	}
	q := `SELECT id, runbook, service, requester_kind, requester, phase, word, waiting, asks, bar, changed, may, started_at, changed_at, ended_at, seq, settled FROM runs`
	if len(where) > 0 {
		q += " WHERE " + strings.Join(where, " AND ") //nolint:gosec // of constant parts
	}
	q += " ORDER BY " + order
	if f.Limit > 0 {
		q, args = q+" LIMIT ?", append(args, f.Limit)
	}
	rows, err := s.read.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var heads []engine.Head
	for rows.Next() {
		var h engine.Head
		var waiting string
		var started, began, ended int64
		if err := rows.Scan(&h.ID, &h.Runbook, &h.Service, &h.Requester.Kind, &h.Requester.Name,
			&h.Phase, &h.Word, &waiting, &h.Asks, &h.Bar, &h.Changed, &h.May, &started, &began, &ended, &h.Seq, &h.Settled); err != nil {
			return nil, err
		}
		if waiting != "" {
			h.Waiting = strings.Split(waiting, ",")
		}
		h.StartedAt, h.ChangedAt, h.EndedAt = moment(started), moment(began), moment(ended)
		heads = append(heads, h)
	}
	return heads, rows.Err()
}

// there is an error where nothing is that a list could go on after: an empty
// list would say that it has ended.
func there(ctx context.Context, db *sql.DB, query, what string, after any) error {
	var found int
	err := db.QueryRowContext(ctx, query, after).Scan(&found)
	if errors.Is(err, sql.ErrNoRows) {
		return local.NewError(local.ClassNotFound, fmt.Sprintf("there is no %s %v after which a list goes on", what, after),
			"it may have been pruned meanwhile: begin the list anew", nil)
	}
	return err
}

// UndoOf is the last run that was begun to undo a run; empty: none was.
func (s *Store) UndoOf(ctx context.Context, run string) (id string, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT run FROM events
		WHERE seq = 1 AND json_extract(CAST(data AS TEXT), '$.facts.undo_of') = ? ORDER BY rowid DESC LIMIT 1`, run).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, explain("read the runs in", s.path, err)
}

// Unsettled implements [local.State].
func (s *Store) Unsettled(ctx context.Context, each func(run string, r *local.Rest) error) error {
	rows, err := s.read.QueryContext(ctx, `SELECT id, rest FROM runs WHERE settled = 0`)
	if err != nil {
		return explain("list the runs in", s.path, err)
	}
	defer rows.Close()
	for rows.Next() {
		var run string
		var raw sql.RawBytes
		if err := rows.Scan(&run, &raw); err != nil {
			return explain("list the runs in", s.path, err)
		}
		var r *local.Rest
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &r); err != nil {
				r = nil // what an owner cannot read here it finds by looking at the run
			}
		}
		if err := each(run, r); err != nil {
			return err
		}
	}
	return explain("list the runs in", s.path, rows.Err())
}
