package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// pageSize is SQLite's.
const pageSize = 4096

// long writes runs whose records need pages of their own, and returns what
// was written.
func long(t *testing.T, s *Store) map[string][]engine.Record {
	t.Helper()
	all := map[string][]engine.Record{}
	for n := 1; n <= 5; n++ {
		for _, run := range []string{"a", "b", "c"} {
			b := batch(run, n)
			reason := strings.Repeat(fmt.Sprint(run, n, " "), 700*(n%3))
			b.Records[0].Event = engine.InputRefused{By: "alice", What: "approve", Reason: reason}
			b.Pins = []local.Pin{{Digest: local.Digest([]byte(reason)), Bytes: []byte(reason)}}
			appendAll(t, s, b)
			all[run] = append(all[run], b.Records...)
		}
	}
	return all
}

// keep copies the files of a state as they are now, as a kill would leave them.
func keep(t *testing.T, path string) (files map[string][]byte) {
	t.Helper()
	files = map[string][]byte{}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err == nil {
			files[suffix] = b
		}
	}
	return files
}

// lay writes the files of a state into a new folder.
func lay(t *testing.T, files map[string][]byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "state.db")
	for suffix, b := range files {
		if err := os.WriteFile(path+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// A log of the database that ends anywhere, as after a crash of the machine,
// loses whole transactions at its end and nothing else: what is left is as it
// was written, and the next owner goes on behind it.
func TestTornLog(t *testing.T) {
	path := file(t)
	s := open(t, path)
	all := long(t, s)
	files := keep(t, path)
	log := files["-wal"]
	ends := map[int]bool{}
	for cut := len(log); cut > 0; cut -= 17011 { // anywhere in a frame
		for name, torn := range map[string][]byte{
			"cut off":     log[:cut],
			"then zeros":  append(bytes.Clone(log[:cut]), make([]byte, 3*pageSize)...),
			"then others": append(bytes.Clone(log[:cut]), bytes.Repeat([]byte{0xa5}, 3*pageSize)...),
		} {
			left := lay(t, map[string][]byte{"": files[""], "-wal": torn})
			s, err := Open(t.Context(), left)
			if err != nil {
				t.Fatalf("%s at %d: %v", name, cut, err)
			}
			n := 0
			for run, recs := range all {
				got, err := s.Load(t.Context(), run, 0)
				if err != nil {
					t.Fatalf("%s at %d: %v", name, cut, err)
				}
				if len(got) > len(recs) || len(got) > 0 && !cmp.Equal(got, recs[:len(got)]) {
					t.Errorf("%s at %d: the records of %s are not the first of those that were written", name, cut, run)
				}
				n += len(got)
			}
			ends[n] = true
			appendAll(t, s, batch("next", 1))
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if a := verify(t, left, "", ""); a.Problems != nil || a.Records != n+1 {
				t.Errorf("%s at %d: %d records and %+v", name, cut, n, a)
			}
		}
	}
	if len(ends) < 6 {
		t.Errorf("only %d different ends: it is not what this test is for", len(ends))
	}
}

// A last page that was torn while the log of the database was copied into the
// file is copied again from the log.
func TestTornLastPage(t *testing.T) {
	path := file(t)
	s := open(t, path)
	all := long(t, s)
	alter(t, path, `PRAGMA wal_checkpoint(FULL)`)
	files := keep(t, path)
	for name, torn := range map[string][]byte{
		"cut off":       files[""][:len(files[""])-pageSize/2],
		"half of zeros": append(bytes.Clone(files[""][:len(files[""])-pageSize/2]), make([]byte, pageSize/2)...),
		"gone":          files[""][:len(files[""])-pageSize],
	} {
		left := lay(t, map[string][]byte{"": torn, "-wal": files["-wal"]})
		same(t, name, left, all)
		// Without the log nothing can put it right: that is found, and said.
		left = lay(t, map[string][]byte{"": torn})
		told(t, name+", without the log", left, all)
	}
}

// same checks that a state has all records.
func same(t *testing.T, name, path string, all map[string][]engine.Record) {
	t.Helper()
	s := open(t, path)
	for run, recs := range all {
		got, err := s.Load(t.Context(), run, 0)
		if err != nil || !cmp.Equal(got, recs) {
			t.Errorf("%s: run %s is another, %v", name, run, err)
		}
	}
	if a := verify(t, path, "", ""); a.Problems != nil {
		t.Errorf("%s: %+v", name, a.Problems)
	}
}

// told checks of a damaged state that whoever reads it is told so, with words
// that say what to do, or gets what was written; and that verify finds it,
// whatever it is, if anything that was written is not there.
func told(t *testing.T, name, path string, all map[string][]engine.Record) (hurt bool) {
	t.Helper()
	words := func(err error) {
		hurt = true
		var known *local.Error
		if !errors.As(err, &known) || known.Hint() == "" {
			t.Errorf("%s: %v does not say what to do", name, err)
		}
	}
	// First by who only reads: an owner would change the file.
	found := 0
	if r, err := Read(t.Context(), path); err != nil {
		words(err)
		found++
	} else {
		a, err := r.Verify(t.Context(), "", "")
		if found = len(a.Problems); err != nil {
			words(err)
			found++
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		switch a, err := backupOf(t, path); {
		case err != nil && found == 0:
			t.Errorf("%s: there is no backup of it (%v), and verify finds nothing", name, err)
		case err == nil && a.Records != total(all): // it may be, where only an index is damaged
			t.Errorf("%s: a backup of it has %d records, not %d", name, a.Records, total(all))
		}
	}
	s, err := Open(t.Context(), path)
	if err != nil {
		words(err)
		if found == 0 {
			t.Errorf("%s: it cannot be opened (%v), and verify finds nothing", name, err)
		}
		return hurt
	}
	defer s.Close()
	for run, recs := range all {
		got, err := s.Load(t.Context(), run, 0)
		if err != nil {
			words(err)
		}
		if !cmp.Equal(got, recs) {
			hurt = true
			if found == 0 {
				t.Errorf("%s: the records of run %s are others, and verify finds nothing", name, run)
			}
		}
	}
	if err := s.Append(t.Context(), batch("next", 1)); err != nil {
		words(err)
	}
	return hurt
}

func total(all map[string][]engine.Record) (n int) {
	for _, recs := range all {
		n += len(recs)
	}
	return n
}

func backupOf(t *testing.T, path string) (Audit, error) {
	t.Helper()
	r, err := Read(t.Context(), path)
	if err != nil {
		return Audit{}, err
	}
	defer r.Close()
	return r.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db"))
}

// Every page of the file is destroyed once, in several ways.
func TestDamagedPages(t *testing.T) {
	path := file(t)
	s := open(t, path)
	all := long(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole := keep(t, path)[""]
	hurt := 0
	for at := 0; at < len(whole); at += pageSize {
		for name, page := range map[string][]byte{
			"ones": bytes.Repeat([]byte{0xff}, pageSize), "zeros": make([]byte, pageSize),
			"another page": whole[(at+3*pageSize)%len(whole):][:pageSize],
			"a bit":        flipped(whole[at:][:pageSize]),
		} {
			b := bytes.Clone(whole)
			copy(b[at:], page)
			if told(t, fmt.Sprintf("page %d: %s", 1+at/pageSize, name), lay(t, map[string][]byte{"": b}), all) {
				hurt++
			}
		}
	}
	if pages := len(whole) / pageSize; pages < 20 || hurt < pages {
		t.Errorf("only %d of %d pages hurt", hurt, 4*pages)
	}
}

// flipped is a page with one bit changed near its end, where what is stored
// last stands.
func flipped(page []byte) []byte {
	p := bytes.Clone(page)
	p[len(p)-40] ^= 0x04
	return p
}

// A record that cannot be read is named, and hurts no other run.
func TestDamagedRow(t *testing.T) {
	path := file(t)
	s := open(t, path)
	all := long(t, s)
	alter(t, path, `UPDATE events SET data = x'7b' WHERE run = 'b' AND seq = 3`)
	var known *local.Error
	if _, err := s.Load(t.Context(), "b", 0); !errors.As(err, &known) || known.Class() != local.ClassUnreadable ||
		!strings.Contains(err.Error(), "record 3 of run b cannot be read") || !strings.Contains(known.Hint(), "backup") {
		t.Errorf("%v", err)
	}
	if got, err := s.Load(t.Context(), "a", 0); err != nil || !cmp.Equal(got, all["a"]) {
		t.Errorf("another run: %v", err)
	}
	appendAll(t, s, batch("a", 6))
	if got := found(verify(t, path, "", "")); got != "changed b 3" {
		t.Errorf("found %q", got)
	}
}

// A file that claims to be larger or newer than it is misleads nobody.
func TestDamagedHeader(t *testing.T) {
	path := file(t)
	s := open(t, path)
	all := long(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole := keep(t, path)[""]
	for name, change := range map[string]func(b []byte){
		"pages":     func(b []byte) { binary.BigEndian.PutUint32(b[28:], 1<<20) },
		"page size": func(b []byte) { binary.BigEndian.PutUint16(b[16:], 512) },
		"magic":     func(b []byte) { b[0] = 'X' },
		"version":   func(b []byte) { b[18], b[19] = 9, 9 },
		"schema":    func(b []byte) { binary.BigEndian.PutUint32(b[44:], 99) },
	} {
		b := bytes.Clone(whole)
		change(b)
		told(t, name, lay(t, map[string][]byte{"": b}), all)
	}
}
