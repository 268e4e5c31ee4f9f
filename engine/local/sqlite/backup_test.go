package sqlite

import (
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

// A backup that is made while an owner writes is of one moment: a whole
// number of batches of each run, and nothing that was acknowledged before is
// missing.
func TestBackupBesideAnOwner(t *testing.T) {
	path := file(t)
	s := open(t, path)
	to := filepath.Join(t.TempDir(), "a #b?c%20.db") // a name that must be escaped
	done := make(chan struct{})
	wrote := make(chan error, 4)
	under := make(chan struct{}, 4)
	for run := range 4 {
		go func() {
			n := 1
			for ; ; n++ {
				select {
				case <-done:
					wrote <- nil
					return
				default:
				}
				if err := s.Append(t.Context(), batch(fmt.Sprint("r", run), n)); err != nil {
					wrote <- err
					return
				}
				if n == 20 {
					under <- struct{}{}
				}
			}
		}()
	}
	for range 4 {
		<-under
	}
	a, err := reader(t, path).Backup(t.Context(), to)
	close(done)
	for range 4 {
		if err := <-wrote; err != nil {
			t.Error(err)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if a.Runs != 4 || a.Records < 4*20 || a.Problems != nil {
		t.Errorf("%+v", a)
	}
	if diff := cmp.Diff(a, verify(t, to, "", "")); diff != "" {
		t.Errorf("the copy is another (-said +is):\n%s", diff)
	}
	if b := verify(t, path, "", a.Head); b.Problems != nil {
		t.Errorf("the state never had the head of the copy: %+v", b.Problems)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	onlyThere(t, filepath.Dir(to), filepath.Base(to))
	// It never replaces a file, of whatever kind.
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(filepath.Join(t.TempDir(), "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	for _, there := range []string{to, path, link, t.TempDir()} {
		var known *local.Error
		if _, err := reader(t, path).Backup(t.Context(), there); !errors.As(err, &known) || known.Class() != local.ClassRefused {
			t.Errorf("over %s: %v", there, err)
		}
	}
}

// onlyThere checks that nothing was left beside what there must be.
func onlyThere(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("in %s are %q, not %q", dir, names, want)
	}
}

func TestBackupRefusesWhatWasChanged(t *testing.T) {
	path := history(t)
	alter(t, path, `UPDATE events SET at = at + 1 WHERE run = 'b' AND seq = 3`)
	dir := t.TempDir()
	a, err := reader(t, path).Backup(t.Context(), filepath.Join(dir, "copy.db"))
	var known *local.Error
	if !errors.As(err, &known) || !strings.Contains(err.Error(), "record 3 of run b was changed") || found(a) != "changed b 3" {
		t.Errorf("%v, %+v", err, a)
	}
	onlyThere(t, dir)
	if _, err := reader(t, path).Backup(t.Context(), filepath.Join(dir, "none", "copy.db")); !errors.As(err, &known) || known.Hint() == "" {
		t.Errorf("into a folder that is not there: %v", err)
	}
}

var restoring = local.Order{Kind: engine.StopHalt, On: true, By: "ann", Reason: "restored from a backup", At: time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC)}

func backup(t *testing.T, path string) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "backup.db")
	if _, err := reader(t, path).Backup(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestRestore(t *testing.T) {
	path := history(t)
	s := open(t, path)
	if _, err := s.Own(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := s.Say(t.Context(), local.Said{Run: "a", Kind: "undo_run", Data: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	from := backup(t, path)
	appendAll(t, s, batch("a", 7))

	// While an owner lives, and where a state is, nothing happens.
	var owned *OwnedError
	if _, err := Restore(t.Context(), Restoring{From: from, To: path, Halt: restoring, Force: true}); !errors.As(err, &owned) {
		t.Errorf("while an owner lives: %v", err)
	}
	later := headOf(t, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var known *local.Error
	if _, err := Restore(t.Context(), Restoring{From: from, To: path, Halt: restoring}); !errors.As(err, &known) ||
		known.Class() != local.ClassRefused || !strings.Contains(known.Hint(), "--force") {
		t.Errorf("over a state: %v", err)
	}
	if headOf(t, path) != later {
		t.Error("what was refused has changed the state")
	}

	// By force it is moved aside, whole, and the next owner finds a halt.
	got, err := Restore(t.Context(), Restoring{From: from, To: path, Halt: restoring, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	if got.Said != 1 || got.Audit.Records != 18 || got.Aside != path+".before-20261127T010203Z" {
		t.Errorf("%+v", got)
	}
	if headOf(t, got.Aside) != later {
		t.Error("what was moved aside is not what was there")
	}
	s = open(t, path)
	tenure, err := s.Own(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]local.Order{restoring}, tenure.Orders); diff != "" || tenure.Generation != 2 || tenure.Said != nil || len(tenure.Gaps) == 0 {
		t.Errorf("the next owner finds %+v", tenure)
	}
	if a := verify(t, path, "", later); found(a) != "head  0" {
		t.Errorf("that it is an older state is not found: %+v", a.Problems)
	}
	appendAll(t, s, batch("b", 7))
	if a := verify(t, path, "", got.Audit.Head); a.Problems != nil {
		t.Errorf("%+v", a.Problems)
	}
}

// A log of the database that a dead owner left behind goes aside with its
// state: replayed into what was restored it would destroy it.
func TestRestoreAfterAKill(t *testing.T) {
	from := backup(t, history(t))
	path := file(t)
	s := open(t, path)
	for n := range 50 {
		appendAll(t, s, batch("z", n+1))
	}
	dir := t.TempDir()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "state.db"+suffix), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left := filepath.Join(dir, "state.db")
	got, err := Restore(t.Context(), Restoring{From: from, To: left, Halt: restoring, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	if a := verify(t, left, "", got.Audit.Head); a.Problems != nil || a.Records != 18 {
		t.Errorf("restored: %+v", a)
	}
	one, err := parts(got.Aside) // so that nothing can be left apart by who is killed while it is moved
	if err != nil || len(one) != 1 {
		t.Errorf("moved aside are %q, %v", one, err)
	}
	if a := verify(t, got.Aside, "", ""); a.Problems != nil || a.Records != 50 {
		t.Errorf("moved aside: %+v", a)
	}
}

// What is not as it was written is not restored, and nothing is touched.
func TestRestoreRefuses(t *testing.T) {
	path := history(t)
	before := headOf(t, path)
	changed := backup(t, path)
	alter(t, changed, `UPDATE events SET at = at + 1 WHERE run = 'b' AND seq = 3`)
	text := write(t, t.TempDir(), []byte(strings.Repeat("this is a text. ", 1000)))
	for name, from := range map[string]string{
		"changed": changed, "no database": text, "not there": filepath.Join(t.TempDir(), "none.db"), "empty": write(t, t.TempDir(), nil),
	} {
		var known *local.Error
		if _, err := Restore(t.Context(), Restoring{From: from, To: path, Halt: restoring, Force: true}); !errors.As(err, &known) || known.Hint() == "" || strings.Contains(known.Hint(), "--state") || strings.Contains(known.Hint(), "mkdir") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if headOf(t, path) != before {
		t.Error("the state is another")
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".firebreak*")); err != nil || left != nil {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
