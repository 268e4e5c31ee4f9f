package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFindPostgres(t *testing.T) {
	root := t.TempDir()
	t.Setenv("PATH", root)
	if _, err := findPostgres(filepath.Join(root, "*/bin")); !errors.Is(err, ErrNoPostgres) {
		t.Errorf("nothing there: %v", err)
	}
	for _, version := range []string{"9.6", "15", "17"} {
		folder := filepath.Join(root, version, "bin")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if version == "17" {
			continue // a client only: no initdb
		}
		if err := os.WriteFile(filepath.Join(folder, "initdb"), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got, err := findPostgres(filepath.Join(root, "*/bin"))
	if err != nil || got != filepath.Join(root, "15", "bin") {
		t.Errorf("got %s, %v; want the newest server", got, err)
	}
}
