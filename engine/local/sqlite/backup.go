package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// Backup writes the state as it is at one moment into a new file, beside an
// owner that goes on writing. The file is on the disk, and verified, before
// it has its name; it never replaces another. The Audit is that of the copy;
// with problems in it there is no copy, and Backup fails.
func (r *Reader) Backup(ctx context.Context, to string) (Audit, error) {
	to, err := filepath.Abs(to)
	if err != nil {
		return Audit{}, explain("back up to", to, err)
	}
	if err := absent(to); err != nil {
		return Audit{}, err
	}
	part, err := r.copy(ctx, filepath.Dir(to))
	if err != nil {
		return Audit{}, err
	}
	defer func() { _ = os.Remove(part) }() // its other name stays
	a, err := verified(ctx, part)
	if err != nil {
		return a, err
	}
	if err := os.Link(part, to); err != nil { // fails where a file is
		return a, errors.Join(absent(to), explain("name", to, err))
	}
	return a, explain("store", to, syncDir(to))
}

// absent is an error when there is a file.
func absent(path string) error {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain("look for", path, err)
	}
	return local.NewError(local.ClassRefused, path+" exists", "name another file, or move it away", nil)
}

// copy writes a sound copy into a new file of a folder and returns when it is
// on the disk. It reads every page that is in use, so that what is damaged is
// not copied.
func (r *Reader) copy(ctx context.Context, dir string) (path string, err error) {
	f, err := os.CreateTemp(dir, ".firebreak-copy-*")
	if err != nil {
		return "", uncopied(dir, err)
	}
	defer func() {
		err = errors.Join(err, explain("store", f.Name(), f.Close()))
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := r.db.ExecContext(ctx, `VACUUM INTO ?`, f.Name()); err != nil {
		if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == lib.SQLITE_FULL {
			return "", uncopied(dir, err) // the state is only read
		}
		return "", explain("copy", r.path, err)
	}
	return f.Name(), explain("store", f.Name(), f.Sync())
}

// uncopied says that a folder takes no copy.
func uncopied(dir string, err error) error {
	return local.NewError(local.ClassJournal, "write a copy of the state into the folder "+dir,
		fmt.Sprintf("make the directory (mkdir -p %s), free space on the disk of it (see `df -h %s`), or name another", dir, dir), err)
}

// verified looks whether a copy is as what it was made of was written.
func verified(ctx context.Context, path string) (Audit, error) {
	r, err := Read(ctx, path)
	if err != nil {
		return Audit{}, err
	}
	defer r.Close()
	a, err := r.Verify(ctx, "", "")
	if err == nil && len(a.Problems) > 0 {
		err = local.NewError(local.ClassUnreadable, fmt.Sprintf("the state is not as it was written: %s", a.Problems[0].Text),
			"`firebreak audit verify` names everything that is wrong; a copy of it as it is: cp, while no owner lives", nil)
	}
	return a, err
}

// syncDir makes the names in a file's folder durable.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
