package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// Restoring says how a backup becomes the state.
type Restoring struct {
	From  string
	To    string
	Halt  local.Order // engaged in what is restored, until a person lifts it
	Force bool        // a state that is there is moved aside
}

// Restored is what became of it.
type Restored struct {
	Audit Audit
	Aside string // what the state that was there is called now; empty: there was none
	Said  int    // how many things that people had said, and no owner had heard, were dropped
}

// Restore makes a backup the state that the next owner takes over, under a
// halt. It fails with an [*OwnedError] while an owner lives, and when there is
// a state, unless forced; and it takes nothing that is not as it was written.
// What people had said and no owner had heard is dropped: it was about another
// present. Tokens are revoked: some may have been since.
func Restore(ctx context.Context, q Restoring) (done Restored, err error) {
	from, err := Read(ctx, q.From)
	if err != nil {
		return done, noBackup(err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := resolve(q.To)
	if err != nil {
		return done, err
	}
	f, err := lock(ctx, to, Owner{PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, f.Truncate(0), f.Close()) }()
	there, err := parts(to)
	if err != nil {
		return done, explain("look for", to, err)
	}
	if len(there) > 0 && !q.Force {
		return done, local.NewError(local.ClassRefused, "there is a state "+to+" already",
			"--force moves it aside; nothing of it is lost", nil)
	}
	part, err := from.copy(ctx, filepath.Dir(to))
	if err != nil {
		return done, err
	}
	defer func() { _ = os.Remove(part) }() // it has another name by then, or is not wanted
	if done.Audit, err = verified(ctx, part); err != nil {
		return done, err
	}
	if done.Said, err = stop(ctx, part, q.Halt); err != nil {
		return done, explain("mark", part, err)
	}
	if len(there) > 0 {
		if there, err = folded(ctx, to); err != nil {
			return done, explain("look for", to, err)
		}
		done.Aside = to + ".before-" + q.Halt.At.UTC().Format("20060102T150405Z")
		if err := aside(to, done.Aside, there); err != nil {
			return done, explain("move aside", to, err)
		}
	}
	if err := os.Rename(part, to); err != nil {
		return done, explain("name", to, err)
	}
	return done, explain("store", to, syncDir(to))
}

// noBackup is why a backup cannot be read. What to do about a state that cannot,
// such as to name another with --state, is not what to do about it.
func noBackup(err error) error {
	var known *local.Error
	if !errors.As(err, &known) || !strings.Contains(known.Hint(), "--state") {
		return err
	}
	return local.NewError(known.Class(), "the backup is not there, or none: "+err.Error(),
		"name a file that `firebreak backup` has written; see that its disk is mounted, and that this user may read it", nil)
}

// parts are the files of a state that are there, by what they add to its name.
func parts(path string) ([]string, error) {
	var there []string
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_, err := os.Lstat(path + suffix)
		if err == nil {
			there = append(there, suffix)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return there, nil
}

// folded writes the log of a state that nobody owns into the state, so that it
// is one file, and whoever is killed while it is moved leaves nothing apart. A
// state that cannot be read is moved as it is. It returns the parts that there
// are then.
func folded(ctx context.Context, path string) ([]string, error) {
	db, err := sql.Open("sqlite", uri(path, url.Values{"_pragma": {"busy_timeout(5000)", "synchronous(FULL)", "trusted_schema(0)"}}))
	if err == nil {
		_, _ = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
		_ = db.Close() // who closes a state last takes its log away
	}
	return parts(path)
}

// aside gives a state another name. The log of a database is replayed into
// whatever has its name, so it goes first.
func aside(path, to string, there []string) error {
	if err := absent(to); err != nil {
		return err
	}
	for _, suffix := range slices.Backward(there) {
		if err := os.Rename(path+suffix, to+suffix); err != nil {
			return err
		}
	}
	return syncDir(path)
}

// stop engages a halt in a state that nobody owns, drops what was said, and
// revokes every token.
func stop(ctx context.Context, path string, h local.Order) (said int, err error) {
	db, err := sql.Open("sqlite", uri(path, url.Values{"_pragma": {"journal_mode(DELETE)", "synchronous(FULL)", "trusted_schema(0)"}}))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := putOrder(ctx, tx, h); err != nil {
		return 0, err
	}
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM said`).Scan(&said); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM said`); err != nil {
		return 0, err
	}
	// One that was revoked since the backup would be good again.
	if _, err := tx.ExecContext(ctx, `UPDATE tokens SET revoked_at = ? WHERE revoked_at = 0`, nanos(h.At)); err != nil {
		return 0, err
	}
	return said, tx.Commit()
}
