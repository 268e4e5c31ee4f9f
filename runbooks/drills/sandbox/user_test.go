package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnterable(t *testing.T) {
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := enterable(closed, "nobody"); err == nil || !strings.Contains(err.Error(), closed) {
		t.Errorf("got %v", err)
	}
	if err := enterable("/", "nobody"); err != nil {
		t.Error(err)
	}
}
