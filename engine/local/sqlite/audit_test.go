package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// history writes three runs, a, b and c, of six records each, two in a
// transaction, into a new file.
func history(t *testing.T) (path string) {
	t.Helper()
	path = file(t)
	s := open(t, path)
	book := []byte("a runbook")
	for n := 1; n < 6; n += 2 {
		for _, run := range []string{"a", "b", "c"} {
			b := batch(run, n)
			b.Records = append(b.Records, batch(run, n+1).Records...)
			if n == 1 {
				b.Records[0].Event = engine.RunStarted{Facts: engine.Facts{ID: run, Pins: engine.Pins{Runbook: local.Digest(book)}}}
			}
			b.Head.Seq = n + 1
			b.Pins = []local.Pin{{Digest: local.Digest(book), Bytes: book}}
			if err := s.Append(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func verify(t *testing.T, path, run, noted string) Audit {
	t.Helper()
	r := reader(t, path)
	a, err := r.Verify(t.Context(), run, noted)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func reader(t *testing.T, path string) *Reader {
	t.Helper()
	r, err := Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func headOf(t *testing.T, path string) string {
	t.Helper()
	head, _, err := reader(t, path).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// found is where the first problem is.
func found(a Audit) string {
	if len(a.Problems) == 0 {
		return ""
	}
	p := a.Problems[0]
	return strings.TrimSpace(fmt.Sprintf("%s %s %d", p.What, p.Run, p.Seq))
}

func TestVerifyFindsWhatWasDone(t *testing.T) {
	const swap = `UPDATE events SET seq = -seq WHERE run = 'b' AND seq IN (3, 4); UPDATE events SET seq = 7 + seq WHERE run = 'b' AND seq < 0`
	for _, tt := range []struct {
		name string
		do   string
		want string
	}{
		{"nothing", ``, ""},
		{"what was said", `UPDATE events SET data = CAST(replace(data, 'alice', 'carol') AS BLOB) WHERE run = 'b' AND seq = 3`, "changed b 3"},
		{"one byte", `UPDATE events SET data = CAST(data || ' ' AS BLOB) WHERE run = 'b' AND seq = 4`, "changed b 4"},
		{"the last record", `UPDATE events SET data = x'7b7d' WHERE run = 'b' AND seq = 6`, "changed b 6"},
		{"the first record", `UPDATE events SET data = x'7b7d' WHERE run = 'b' AND seq = 1`, "changed b 1"},
		{"when", `UPDATE events SET at = at + 1 WHERE run = 'b' AND seq = 3`, "changed b 3"},
		{"what kind", `UPDATE events SET kind = 'acted' WHERE run = 'b' AND seq = 3`, "changed b 3"},
		{"its hash", `UPDATE events SET hash = zeroblob(32) WHERE run = 'b' AND seq = 3`, "changed b 3"},
		{"a record taken out", `DELETE FROM events WHERE run = 'b' AND seq = 3`, "missing b 3"},
		{"a record taken out, and the gap closed", `DELETE FROM events WHERE run = 'b' AND seq = 3; UPDATE events SET seq = -seq WHERE run = 'b' AND seq > 3;
			UPDATE events SET seq = -seq - 1 WHERE run = 'b' AND seq < 0`, "changed b 3"},
		{"the first taken out", `DELETE FROM events WHERE run = 'b' AND seq = 1`, "missing b 1"},
		{"the end cut off", `DELETE FROM events WHERE run = 'b' AND seq > 3`, "missing b 4"},
		{"the end cut off, and of the list too", `DELETE FROM events WHERE run = 'b' AND seq > 4;
			UPDATE runs SET seq = 4, hash = (SELECT hash FROM events WHERE run = 'b' AND seq = 4) WHERE id = 'b'`, "missing b 5"},
		{"two in another order", swap, "changed b 3"},
		{"one put in", `UPDATE events SET seq = -seq - 1 WHERE run = 'b' AND seq > 3; UPDATE events SET seq = -seq WHERE run = 'b' AND seq < 0;
			INSERT INTO events SELECT run, 4, at, kind, data, hash FROM events WHERE run = 'b' AND seq = 3`, "changed b 4"},
		{"one put behind", `INSERT INTO events SELECT run, 7, at, kind, data, hash FROM events WHERE run = 'b' AND seq = 6`, "inserted b 7"},
		{"one put before", `INSERT INTO events SELECT run, 0, at, kind, data, hash FROM events WHERE run = 'b' AND seq = 6`, "inserted b 0"},
		{"a record of another run", `UPDATE events SET data = (SELECT data FROM events WHERE run = 'a' AND seq = 4),
			hash = (SELECT hash FROM events WHERE run = 'a' AND seq = 4) WHERE run = 'b' AND seq = 4`, "changed b 4"},
		{"a run taken out", `DELETE FROM events WHERE run = 'b'; DELETE FROM runs WHERE id = 'b'`, "missing b 0"},
		{"a run hidden", `PRAGMA foreign_keys = 0; DELETE FROM runs WHERE id = 'b'`, "missing b 0"},
		{"a run called another", `PRAGMA foreign_keys = 0; UPDATE events SET run = 'd' WHERE run = 'b'; UPDATE runs SET id = 'd' WHERE id = 'b'`, "missing b 0"},
		{"a run put in", `INSERT INTO runs SELECT 'd', runbook, service, requester_kind, requester, phase, word, waiting, asks, bar, changed, may, started_at, changed_at, ended_at, seq, hash, settled, rest FROM runs WHERE id = 'a';
			INSERT INTO events SELECT 'd', seq, at, kind, data, hash FROM events WHERE run = 'a'`, "inserted d 0"},
		{"an end forged", `UPDATE runs SET settled = 1, phase = 'ended' WHERE id = 'b'`, "changed b 0"},
		{"a service forged in the list", `UPDATE runs SET service = 'web' WHERE id = 'b'`, "changed b 0"},
		{"when it began, in the list", `UPDATE runs SET started_at = started_at + 1 WHERE id = 'b'`, "changed b 0"},
		{"what it waits for, in the list", `UPDATE runs SET waiting = '' WHERE id = 'b'`, "changed b 0"},
		{"what an owner must know of it", `UPDATE runs SET rest = x'7b7d' WHERE id = 'b'`, "changed b 0"},
		{"a last record forged in the list", `UPDATE runs SET hash = zeroblob(32) WHERE id = 'b'`, "changed b 0"},
		{"a link taken out", `DELETE FROM links WHERE n = 2`, "log  0"},
		{"the last run taken out, its links too", `DELETE FROM links WHERE n = 9; DELETE FROM events WHERE run = 'c' AND seq > 4;
			UPDATE runs SET seq = 4, hash = (SELECT hash FROM events WHERE run = 'c' AND seq = 4) WHERE id = 'c'`, "log  0"},
		{"a link changed", `UPDATE links SET entries = unhex(replace(hex(entries), '62', '61')) WHERE n = 2`, "log  0"},
		{"a link made unreadable", `UPDATE links SET entries = x'ffff' WHERE n = 2`, "log  0"},
		{"a link of wild lengths", `UPDATE links SET entries = x'fffffffffffffff8ffffffffffffffffff' WHERE n = 2`, "log  0"},
		{"the head changed", `UPDATE meta SET head = zeroblob(32)`, "log  0"},
		{"a pinned runbook changed", `UPDATE blobs SET bytes = x'00'`, "changed  0"},
		{"a pinned runbook taken out", `PRAGMA foreign_keys = 0; DELETE FROM blobs`, "missing a 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := history(t)
			alter(t, path, tt.do)
			got := verify(t, path, "", "")
			if found(got) != tt.want {
				t.Errorf("found %q, not %q: %+v", found(got), tt.want, got.Problems)
			}
		})
	}
}

func TestVerifyOneRun(t *testing.T) {
	path := history(t)
	alter(t, path, `UPDATE events SET at = 1 WHERE run = 'b' AND seq = 3`)
	want := Audit{Head: headOf(t, path), Links: 9, Runs: 1, Records: 6}
	if diff := cmp.Diff(want, verify(t, path, "a", "")); diff != "" {
		t.Errorf("a run that nobody changed (-want +got):\n%s", diff)
	}
	if got := found(verify(t, path, "b", "")); got != "changed b 3" {
		t.Errorf("the run that was changed: %q", got)
	}
	var known *local.Error
	if _, err := reader(t, path).Verify(t.Context(), "x", ""); !errors.As(err, &known) || known.Class() != local.ClassNotFound {
		t.Errorf("a run that there never was: %v", err)
	}
}

// Who can write the file can make every hash anew. The log tells as long as
// it was left alone; against whoever made that anew, too, only a head noted
// elsewhere helps.
func TestVerifyAfterAForger(t *testing.T) {
	path := history(t)
	early := headOf(t, path)
	s := open(t, path)
	if err := s.Append(t.Context(), batch("a", 7)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, noted := range map[string]string{"the head": headOf(t, path), "an earlier head": early, "that of the empty log": firstHead().String()} {
		if a := verify(t, path, "", noted); a.Problems != nil {
			t.Errorf("%s: %+v", name, a.Problems)
		}
	}
	alter(t, path, `UPDATE events SET data = CAST(replace(data, 'alice', 'carol') AS BLOB) WHERE run = 'b' AND seq = 3`)
	forge(t, path, "b", false)
	if got := found(verify(t, path, "", "")); got != "changed b 4" { // where the transaction with record 3 ends
		t.Errorf("a run made anew: %q", got)
	}
	forge(t, path, "b", true)
	if a := verify(t, path, "", ""); a.Problems != nil {
		t.Errorf("everything made anew is found without a noted head: %+v", a.Problems)
	}
	if got := found(verify(t, path, "", early)); got != "head  0" {
		t.Errorf("everything made anew, and a head was noted: %q", got)
	}
}

// forge makes the hashes of a run anew, and, if asked to, those of the log.
func forge(t *testing.T, path, run string, log bool) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(q string, args ...any) {
		if _, err := db.ExecContext(t.Context(), q, args...); err != nil {
			t.Fatal(err)
		}
	}
	var s sum
	of := map[int]sum{}
	for _, r := range rowsOf(t, db, run) {
		if r.seq == 1 {
			s = firstOf(run)
		}
		s = s.next(run, r)
		of[r.seq] = s
		exec(`UPDATE events SET hash = ? WHERE run = ? AND seq = ?`, s[:], run, r.seq)
	}
	exec(`UPDATE runs SET hash = ? WHERE id = ?`, s[:], run)
	if !log {
		return
	}
	head := firstHead()
	var links int64
	if err := db.QueryRowContext(t.Context(), `SELECT links FROM meta`).Scan(&links); err != nil {
		t.Fatal(err)
	}
	for n := int64(1); n <= links; n++ {
		var b []byte
		if err := db.QueryRowContext(t.Context(), `SELECT entries FROM links WHERE n = ?`, n).Scan(&b); err != nil {
			t.Fatal(err)
		}
		entries, ok := unpack(b)
		if !ok {
			t.Fatalf("link %d cannot be read", n)
		}
		for i, e := range entries {
			if e.run == run {
				entries[i].of = of[e.seq]
			}
		}
		b = pack(entries)
		head = head.head(n, b)
		exec(`UPDATE links SET entries = ? WHERE n = ?`, b, n)
	}
	exec(`UPDATE meta SET head = ?`, head[:])
}

func rowsOf(t *testing.T, db *sql.DB, run string) []row {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT seq, at, kind, data FROM events WHERE run = ? ORDER BY seq`, run)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.seq, &r.at, &r.kind, &r.data); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// It is verified while an owner writes, and after one that was killed left
// its log of the database behind; a file is never made, and never written to.
func TestReadBesideAnOwner(t *testing.T) {
	path := history(t)
	s := open(t, path)
	if err := s.Append(t.Context(), batch("a", 7)); err != nil {
		t.Fatal(err)
	}
	if a := verify(t, path, "", ""); a.Problems != nil || a.Records != 19 {
		t.Errorf("beside an owner: %+v", a)
	}
	dir := t.TempDir()
	for _, suffix := range []string{"", "-wal"} { // what a kill leaves
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "state.db"+suffix), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left := filepath.Join(dir, "state.db")
	before, err := os.ReadFile(left)
	if err != nil {
		t.Fatal(err)
	}
	if a := verify(t, left, "", ""); a.Problems != nil || a.Records != 19 {
		t.Errorf("after a kill: %+v", a)
	}
	if after, err := os.ReadFile(left); err != nil || !slices.Equal(before, after) {
		t.Errorf("the file was written to, %v", err)
	}
	none := filepath.Join(dir, "none.db")
	var known *local.Error
	if _, err := Read(t.Context(), none); !errors.As(err, &known) || known.Hint() == "" {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	empty := write(t, t.TempDir(), nil)
	if _, err := Read(t.Context(), empty); !errors.As(err, &known) || known.Class() != local.ClassUnreadable {
		t.Errorf("an empty file: %v", err)
	}
}

// No two different records, and no two different links, have the same bytes
// under their hash.
func TestSumsTellPartsApart(t *testing.T) {
	s := firstOf("r")
	seen := map[sum]string{}
	see := func(what string, got sum) {
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s have the same sum", what, other)
		}
		seen[got] = what
	}
	for _, kind := range []string{"", "a", "ab"} {
		for _, data := range []string{"", "b", "bc", "abc"} {
			for _, run := range []string{"r", "ra"} {
				see(fmt.Sprintf("%q %q %q", run, kind, data), s.next(run, row{seq: 1, at: 2, kind: kind, data: []byte(data)}))
			}
		}
	}
	see("at", s.next("r", row{seq: 1, at: 3}))
	see("seq", s.next("r", row{seq: 2, at: 2}))
	see("another run's first", firstOf("ra").next("r", row{seq: 1, at: 2}))
	entries := []entry{{"a", 1, s, digest{1}}, {"bc", 1 << 40, firstHead(), digest{2}}}
	got, ok := unpack(pack(entries))
	if diff := cmp.Diff(entries, got, cmp.AllowUnexported(entry{})); !ok || diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	for n := range len(pack(entries)) {
		if part, ok := unpack(pack(entries)[:n]); ok && len(part) == 2 {
			t.Errorf("%d bytes of two entries are two entries", n)
		}
	}
}

// A record without a time, at the beginning of all, is one like others.
func TestVerifyZeroTime(t *testing.T) {
	path := file(t)
	s := open(t, path)
	b := batch("r", 1)
	b.Records[0].At = time.Unix(0, 0).UTC()
	b.Records[0].Event = engine.InputRefused{}
	if err := s.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if a := verify(t, path, "", ""); a.Problems != nil {
		t.Errorf("%+v", a.Problems)
	}
}
