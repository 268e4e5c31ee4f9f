package git

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// refFile is the file of a ref that is not packed.
func (r repository) refFile(name plumbing.ReferenceName) string {
	return filepath.Join(r.dir, filepath.FromSlash(name.String()))
}

// read returns what a branch points at. While its lock is held, the answer
// stays true: git packs a ref only under that lock.
func (r repository) read(name plumbing.ReferenceName) (plumbing.Hash, bool, error) {
	for range 2 { // once more if it was packed between the two looks
		b, err := os.ReadFile(r.refFile(name))
		if err == nil {
			hash := strings.TrimSpace(string(b))
			if !plumbing.IsHash(hash) {
				return plumbing.ZeroHash, false, fmt.Errorf("branch %s of %s holds %q; only plain branches are supported", name.Short(), r.root, hash)
			}
			return plumbing.NewHash(hash), true, nil
		}
		if info, serr := os.Stat(r.refFile(name)); !errors.Is(err, fs.ErrNotExist) && (serr != nil || !info.IsDir()) {
			return plumbing.ZeroHash, false, err
		}
		hash, ok, err := r.readPacked(name)
		if ok || err != nil {
			return hash, ok, err
		}
	}
	return plumbing.ZeroHash, false, r.there()
}

func (r repository) readPacked(name plumbing.ReferenceName) (plumbing.Hash, bool, error) {
	b, err := os.ReadFile(filepath.Join(r.dir, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return plumbing.ZeroHash, false, nil
	}
	if err != nil {
		return plumbing.ZeroHash, false, err
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		hash, ref, ok := strings.Cut(lines.Text(), " ")
		if ok && ref == name.String() && plumbing.IsHash(hash) {
			return plumbing.NewHash(hash), true, nil
		}
	}
	return plumbing.ZeroHash, false, lines.Err()
}

// logMove adds a line to the reflogs that git keeps of the branch, and of
// HEAD where it is checked out.
func (r repository) logMove(name plumbing.ReferenceName, head bool, from, to plumbing.Hash, at time.Time, text string) error {
	files := []string{name.String()}
	if head {
		files = append(files, "HEAD")
	}
	line := fmt.Sprintf("%s %s %s <%s> %d %s\tcommit: %s\n", from, to, author, email, at.Unix(), at.Format("-0700"), text)
	for _, file := range files {
		f, err := os.OpenFile(filepath.Join(r.dir, "logs", filepath.FromSlash(file)), os.O_WRONLY|os.O_APPEND, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue // this repository keeps none
		}
		if err != nil {
			return err
		}
		_, err = f.WriteString(line)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}
