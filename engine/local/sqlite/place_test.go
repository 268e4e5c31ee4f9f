package sqlite

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/firebreak-ops/firebreak/engine"
	"github.com/firebreak-ops/firebreak/engine/local"
)

// TestPlace holds that a state which is somewhere else begins halted, once, and
// that one which stayed does not.
func TestPlace(t *testing.T) {
	path := file(t)
	own := func(path string) []local.Order {
		t.Helper()
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		tenure, err := s.Own(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		return tenure.Orders
	}
	own(path)
	if orders := own(path); len(orders) != 0 {
		t.Errorf("one that stayed where it was has %+v", orders)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(copied, b, 0o600); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "state.db")
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{copied, moved} {
		orders := own(path)
		if len(orders) != 1 || orders[0].Kind != engine.StopHalt || !orders[0].On || orders[0].Service != "" || orders[0].By != mover {
			t.Fatalf("one that is elsewhere has %+v", orders)
		}
		s := open(t, path)
		lifted := orders[0]
		lifted.On, lifted.By, lifted.At = false, "ann", time.Now()
		if err := s.SetOrder(t.Context(), lifted); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if orders := own(path); len(orders) != 1 || orders[0].On {
			t.Errorf("once lifted, it has %+v", orders)
		}
	}
}
