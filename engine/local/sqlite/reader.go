package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// Reader reads a state file, with or without an owner that writes to it
// meanwhile. It changes nothing. Its methods may not be called at the same
// time.
type Reader struct {
	path string
	db   *sql.DB
}

// Read opens a state file that exists, to read it. The caller closes the
// Reader.
func Read(ctx context.Context, path string) (*Reader, error) {
	path, err := resolve(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{path: path}
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(explain("read", path, err), r.Close())
	}
	return r, nil
}

func (r *Reader) open(ctx context.Context) error {
	if _, err := os.Stat(r.path); errors.Is(err, fs.ErrNotExist) {
		return local.NewError(local.ClassJournal, "there is no state file "+r.path, "name another one with --state", err)
	} else if err != nil {
		return err
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "trusted_schema(0)"}}
	var err error
	if r.db, err = sql.Open("sqlite", uri(r.path, q)); err != nil {
		return err
	}
	r.db.SetMaxOpenConns(1)
	have, tables, err := layout(ctx, r.db, r.path)
	if err != nil {
		return err
	}
	if tables == 0 || have == 0 {
		return local.NewError(local.ClassUnreadable, r.path+" is empty: it is not a state file of firebreak",
			"choose another file with --state", nil)
	}
	return nil
}

// Load returns the records of a run, in their order. A run that does not exist
// has none.
func (r *Reader) Load(ctx context.Context, run string) ([]engine.Record, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT seq, at, kind, data FROM events WHERE run = ? ORDER BY seq`, run)
	if err != nil {
		return nil, explain("read run "+run+" in", r.path, err)
	}
	recs, err := readRecords(rows, run)
	if err != nil {
		return nil, explain("read run "+run+" in", r.path, err)
	}
	return recs, nil
}

// Blob returns the bytes that were pinned under a digest, or an error of class
// not_found.
func (r *Reader) Blob(ctx context.Context, digest string) ([]byte, error) {
	return readBlob(ctx, r.db, r.path, digest)
}

// Path is the file, with all links followed.
func (r *Reader) Path() string { return r.path }

// Close gives the file back.
func (r *Reader) Close() error {
	if r.db == nil {
		return nil
	}
	return r.db.Close()
}

// layout finds out whether a file is one of ours that can be read, or empty.
func layout(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, path string,
) (have, tables int, err error) {
	var id int
	if err := q.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).Scan(&id, &have, &tables); err != nil {
		return 0, 0, err
	}
	switch {
	case tables > 0 && id != applicationID:
		return 0, 0, local.NewError(local.ClassUnreadable, path+" is a database of another program",
			"choose another file with --state", nil)
	case have > version:
		return 0, 0, local.NewError(local.ClassUnreadable,
			fmt.Sprintf("the state file %s has layout %d; this firebreak knows layouts up to %d", path, have, version),
			"use the newer version of firebreak that wrote it", nil)
	case tables > 0 && have < version:
		return 0, 0, local.NewError(local.ClassUnreadable,
			fmt.Sprintf("the state file %s has layout %d; this firebreak reads layout %d", path, have, version),
			"let the firebreak that wrote it end its runs; then move the file away", nil)
	}
	return have, tables, nil
}
