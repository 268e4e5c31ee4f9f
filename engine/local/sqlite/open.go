package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/firebreak-ops/firebreak/engine/local"
)

// Store is the state in a file. It implements [local.Journal] and
// [local.State]. Its methods may be called from any goroutine at the same
// time.
type Store struct {
	path string
	lock *os.File
	now  func() time.Time

	db     *sql.DB   // behind write
	write  *sql.Conn // the one connection that writes; used by the committer alone
	stmt   statements
	wrote  []entry // by the transaction so far; used by the committer alone
	read   *sql.DB
	events *sql.Stmt // of read

	jobs   chan *job
	closed chan struct{} // no more jobs
	ended  chan struct{} // the committer has gone
	once   sync.Once

	mu         sync.Mutex
	owner      Owner
	generation int
	drives     bool
	commits    int64 // how many transactions there were
}

var (
	_ local.Journal = (*Store)(nil)
	_ local.State   = (*Store)(nil)
)

// Open makes this process the owner of a state file, which it makes if there
// is none. It fails with an [*OwnedError] when another process is the owner.
// The caller closes the Store.
func Open(ctx context.Context, path string) (*Store, error) {
	path, err := resolve(path)
	if err != nil {
		return nil, err
	}
	if err := alone(path); err != nil {
		return nil, err
	}
	o := Owner{PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second)}
	f, err := lock(ctx, path, o)
	if err != nil {
		return nil, err
	}
	s := &Store{
		path:   path,
		lock:   f,
		now:    time.Now,
		owner:  o,
		jobs:   make(chan *job, 256),
		closed: make(chan struct{}),
		ended:  make(chan struct{}),
	}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(explain("open", path, err), s.disconnect())
	}
	go s.commit()
	return s, nil
}

// resolve follows links, so that one file has one lock whatever it is called.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", explain("find", path, err)
	}
	target, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
		if err != nil {
			return "", explain("find", abs, err)
		}
		return filepath.Join(dir, filepath.Base(abs)), nil
	}
	if err != nil {
		return "", explain("find", abs, err)
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
		return "", local.NewError(local.ClassInvalid, abs+" is not a file", "name a file with --state", nil)
	}
	return target, nil
}

// alone refuses a file that has a second name. Lock, log and socket go by the
// name: who came by the other one would own the same file at the same time, and
// the records of one of them would be lost.
func alone(path string) error {
	info, err := os.Stat(path)
	if err != nil || !shared(info) {
		return nil //nolint:nilerr // whoever opens it says it better
	}
	return local.NewError(local.ClassJournal, fmt.Sprintf("the state file %s has another name, too (a hard link): a firebreak that is given that one would be a second owner", path),
		fmt.Sprintf("remove the other, which `find / -samefile %s` shows; where it is to stay as it is, as in a snapshot, copy this one: `cp %s %s.own && mv %s.own %s`", path, path, path, path, path), nil)
}

// dsn names the file with the pragmas of every connection. They stand in the name of the data source, so
// that a connection that database/sql opens by itself has them, too.
func dsn(path string, more ...string) string {
	q := url.Values{}
	for _, p := range append([]string{
		"busy_timeout(5000)",
		"foreign_keys(1)",
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"journal_size_limit(-1)", // a log that is overwritten syncs faster than one that grows
		"trusted_schema(0)",
	}, more...) {
		q.Add("_pragma", p)
	}
	q.Set("_txlock", "immediate")
	return uri(path, q)
}

// uri names a file for SQLite, whatever is in its name.
func uri(path string, q url.Values) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	return u.String()
}

func (s *Store) connect(ctx context.Context) error {
	if err := s.touch(); err != nil {
		return err
	}
	var err error
	if s.db, err = sql.Open("sqlite", dsn(s.path)); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(1)
	if s.write, err = s.db.Conn(ctx); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if s.stmt, err = prepare(ctx, s.write); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", dsn(s.path, "query_only(1)")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(4)
	s.read.SetMaxIdleConns(4)
	s.events, err = s.read.PrepareContext(ctx, `SELECT seq, at, kind, data FROM events WHERE run = ? AND seq > ? ORDER BY seq`)
	return err
}

// touch makes the file, so that nobody else can read it, and finds out why
// that cannot be done in the words of the operating system.
func (s *Store) touch() error {
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Path is the file, with all links followed.
func (s *Store) Path() string { return s.path }

// Announce tells everybody who finds the file owned where its owner listens.
func (s *Store) Announce(socket string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner.Socket = socket
	return explain("announce the owner of", s.path, writeOwner(s.lock, s.owner))
}

// Close writes what is waiting and gives the file back. A second Close does
// nothing.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		if s.driving() {
			err = s.beat(context.Background())
		}
		close(s.closed)
		<-s.ended
		err = errors.Join(err, s.disconnect())
	})
	return err
}

// disconnect closes whatever is open.
func (s *Store) disconnect() error {
	errs := []error{s.stmt.close()}
	if s.events != nil {
		errs = append(errs, s.events.Close())
	}
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	errs = append(errs, s.lock.Truncate(0), s.lock.Close())
	return errors.Join(errs...)
}
