package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firebreak-ops/firebreak/engine/local"
)

func TestOpenSaysWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, dir string) (path string)
		text    string
		hint    string
	}{
		{"missing directory", func(_ *testing.T, dir string) string {
			return filepath.Join(dir, "none", "state.db")
		}, "no such file or directory", "mkdir -p"},
		{"a directory", func(_ *testing.T, dir string) string { return dir }, "is not a file", "--state"},
		{"not a database", func(t *testing.T, dir string) string {
			return write(t, dir, []byte(strings.Repeat("this is a text. ", 1000)))
		}, "not a database", "not a state file of firebreak"},
		{"damaged", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "state.db")
			open(t, path).Close()
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 100; i < len(b); i++ {
				b[i] = 0xff
			}
			return write(t, dir, b)
		}, "malformed", "restore a backup"},
		{"of another program", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "state.db")
			alter(t, path, "CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = 77")
			return path
		}, "another program", "--state"},
		{"newer", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "state.db")
			open(t, path).Close()
			alter(t, path, "PRAGMA user_version = 99")
			return path
		}, fmt.Sprintf("layout 99; this firebreak knows layouts up to %d", version), "newer version"},
		{"older", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "state.db")
			open(t, path).Close()
			alter(t, path, "PRAGMA user_version = 1")
			return path
		}, "has layout 1", "end its runs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Open(t.Context(), tt.prepare(t, t.TempDir()))
			if err == nil {
				s.Close()
				t.Fatal("it opens")
			}
			var known *local.Error
			if !errors.As(err, &known) {
				t.Fatalf("%v is no error of ours", err)
			}
			if !strings.Contains(err.Error(), tt.text) || !strings.Contains(known.Hint(), tt.hint) {
				t.Errorf("told %q with the hint %q\nwant %q and %q", err, known.Hint(), tt.text, tt.hint)
			}
		})
	}
}

func write(t *testing.T, dir string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, "state.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func alter(t *testing.T, path, q string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), q); err != nil {
		t.Fatal(err)
	}
}
