package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/local"
)

// openAsNobody opens a state as a user whom rights bind, which they do not
// root, and says what came of it.
func openAsNobody(path string) {
	const nobody = 65534
	if os.Getuid() == 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			fmt.Println("become nobody:", err)
			return
		}
	}
	s, err := Open(context.Background(), path)
	if known, ok := errors.AsType[*local.Error](err); ok {
		fmt.Printf("%s|%s|%s\n", known.Class(), err, known.Hint())
		return
	}
	if err == nil {
		err = s.Close()
	}
	fmt.Println("not ours:", err)
}

// What may not be written is not opened; it says who must be let do what, and
// nothing is changed.
func TestOpenWithoutRights(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		dir, db, lock        os.FileMode // 0: it is not there
		wantText, wantAdvice string
	}{
		{"no state yet in a folder that is read-only", 0o555, 0, 0, "permission denied", "may not write there"},
		{"a state in a folder that is read-only", 0o555, 0o666, 0o666, "", "must be writable"},
		{"a state that is read-only", 0o777, 0o444, 0o666, "permission denied", "may not write there"},
		{"a state of somebody else", 0o755, 0o600, 0o600, "permission denied", "may not write there"},
		{"a lock of somebody else", 0o777, 0o666, 0o600, "permission denied", "may not write there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "state.db")
			if tt.db != 0 {
				if err := open(t, path).Close(); err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(os.Chmod(path, tt.db), os.Chmod(lockPath(path), tt.lock)); err != nil {
					t.Fatal(err)
				}
			}
			before := keep(t, path)
			if err := os.Chmod(dir, tt.dir); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) // so that it can be removed
			if os.Getuid() != 0 && strings.Contains(tt.name, "somebody else") {
				if err := errors.Join(os.Chmod(path, 0o400), os.Chmod(lockPath(path), 0o400)); err != nil {
					t.Fatal(err)
				}
			}
			cmd, out := start(t, "nobody", path)
			text, err := io.ReadAll(out)
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			class, rest, _ := strings.Cut(string(text), "|")
			said, advice, _ := strings.Cut(rest, "|")
			if class != local.ClassJournal || !strings.Contains(said, tt.wantText) || !strings.Contains(advice, tt.wantAdvice) {
				t.Errorf("told %q", text)
			}
			if after := keep(t, path); string(after[""]) != string(before[""]) {
				t.Error("the file was changed")
			}
		})
	}
}
